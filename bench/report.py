"""What bench/compare found, as a table and as a picture."""
import math

# 97.5 % points of Student's t, by degrees of freedom; beyond them the normal distribution's
STUDENT = [0, 12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131]
COLOURS = ["#d1495b", "#edae49", "#00798c", "#30638e", "#7a5195", "#6a994e", "#8d6e63", "#555555", "#17becf"]
VERDICTS = {"clear lead": "#1b7837", "ahead": "#5aae61", "level": "#777777", "behind": "#c0392b"}


class Ratio:
    """The geometric mean of a peer's times over ours of the same rounds, and its 95 % interval."""

    def __init__(self, ours, theirs):
        logs = [math.log(b / a) for a, b in zip(ours, theirs)]
        n, mean = len(logs), sum(logs) / len(logs)
        spread = math.sqrt(sum((x - mean) ** 2 for x in logs) / (n - 1) / n) if n > 1 else math.inf
        reach = spread * (STUDENT[n - 1] if n - 1 < len(STUDENT) else 1.96)
        self.mean, self.low, self.high = math.exp(mean), math.exp(mean - reach), math.exp(min(mean + reach, 700))

    @property
    def verdict(self):
        return ("clear lead" if self.low > 1.5 else "ahead" if self.low > 1.1 else "behind" if self.high < 1
                else "level")

    def __str__(self):
        return f"{self.mean:8.2f}  [{self.low:.2f}, {self.high:.2f}]"


def duration(seconds):
    unit, scale = next((u, s) for u, s in (("s", 1), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)) if seconds * s >= 1)
    return f"{seconds * scale:.4g} {unit}"


def middle(times):
    return sorted(times)[len(times) // 2]


class Result:
    """Of one workload. times: {who: (setting, [seconds a step in each round])}, "ours" among them."""

    def __init__(self, name, times, notes):
        self.name, self.notes = name, notes
        self.setting, self.ours = times["ours"]
        self.peers = [(who, setting, theirs, Ratio(self.ours, theirs))
                      for who, (setting, theirs) in times.items() if who != "ours"]
        self.peers.sort(key=lambda peer: peer[3].mean)   # the best one first

    def __str__(self):
        row = lambda who, times: f"  {who:36s} {duration(min(times)):>10s} {duration(middle(times)):>10s}"
        lines = [f"{self.name:38s} {'min':>10s} {'median':>10s}     ratio  95 % interval",
                 row(f"ours, {self.setting}", self.ours)]
        for who, setting, theirs, ratio in self.peers:
            lines.append(f"{row(f'{who}, {setting}', theirs)}  {str(ratio):28s} {ratio.verdict}")
        return "\n".join(lines + [f"  {note}" for note in self.notes])


def chart(results, title, path):
    """A line for each workload: a dot for each peer at its time over ours, an interval around the best one."""
    results = [r for r in results if r.peers]
    peers = list(dict.fromkeys(who for r in results for who, *_ in r.peers))
    colour = {who: COLOURS[i % len(COLOURS)] for i, who in enumerate(peers)}
    least = min([0.8] + [r.peers[0][3].low for r in results])
    most = max([2] + [r.peers[-1][3].mean for r in results])
    left, wide, top, line = 250, 470, 84, 24
    height = top + line * len(results) + 34
    x = lambda ratio: left + wide * math.log(max(least, min(ratio, most)) / least) / math.log(most / least)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="960" height="{height}" font-family="sans-serif" '
           'font-size="12">', '<rect width="100%" height="100%" fill="white"/>',
           f'<text x="12" y="22" font-size="15">Time of a step, peers over ours (right of 1: ours is faster)</text>',
           f'<text x="12" y="40" fill="#666">{title}</text>']
    at = 12
    for who in peers:
        out += [f'<circle cx="{at + 5}" cy="58" r="5" fill="{colour[who]}"/>',
                f'<text x="{at + 14}" y="62">{who}</text>']
        at += 32 + 7 * len(who)
    bottom = top + line * len(results)
    ticks = [t * 10**e for e in range(-1, 7) for t in (1, 2, 5)]
    ticks = [t for t in ticks if least <= t <= most and (most < 100 or round(math.log10(t), 6).is_integer())]
    for tick in ticks:
        out += [f'<path d="M{x(tick):.1f} {top - 8}V{bottom}" stroke="{"#333" if tick == 1 else "#ddd"}"/>',
                f'<text x="{x(tick):.1f}" y="{bottom + 18}" text-anchor="middle" fill="#666">{tick:g}</text>']
    for i, r in enumerate(results):
        y, best = top + line * i + line // 2, r.peers[0][3]
        out.append(f'<text x="12" y="{y + 4}">{r.name}</text>')
        for who, _, _, ratio in reversed(r.peers):
            out.append(f'<circle cx="{x(ratio.mean):.1f}" cy="{y}" r="5" fill="{colour[who]}"/>')
        out += [f'<path d="M{x(best.low):.1f} {y}H{x(best.high):.1f}M{x(best.low):.1f} {y - 6}v12'
                f'M{x(best.high):.1f} {y - 6}v12" stroke="black" fill="none"/>',
                f'<text x="{left + wide + 16}" y="{y + 4}"><tspan font-weight="bold">{best.mean:.2f}</tspan> '
                f'[{best.low:.2f}, {best.high:.2f}] '
                f'<tspan fill="{VERDICTS[best.verdict]}">{best.verdict}</tspan></text>']
    with open(path, "w") as file:
        file.write("\n".join(out + ["</svg>"]) + "\n")
