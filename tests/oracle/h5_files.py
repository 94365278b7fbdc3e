"""Opens the HDF5 files and archives that the tests formats/hdf5_write and formats/zip_write left (CN_KEEP=FOLDER) with h5py,
zipfile and NumPy, and compares all that is in them; goes on writing into the HDF5 files.
usage: python h5_files.py FOLDER"""

import os
import sys
import zipfile

import h5py
import numpy as np

folder = sys.argv[1]
failed = passed = 0


def check(what, good):
    global failed, passed
    passed += bool(good)
    failed += not good
    if not good:
        print(f"FAILED {what}")


WORDS = ["h\u00e9llo", "", "a word longer than eight bytes"]
FORMS = {
    "f64": np.array([-1.5, 1e300, 0]),
    "f32": np.array([[0, 1, -2.5], [3, np.float32(1e-42), 5]], "float32"),
    "f16": np.array([1, -2, 65504], "float16"),
    "i8": np.array([-128, 0, 127], "int8"),
    "u8": np.array([[0], [128], [255]], "uint8"),
    "i16": np.array([-(2**15), 0, 2**15 - 1], "int16"),
    "u16": np.array([0, 1, 2**16 - 1], "uint16"),
    "i32": np.array([-(2**31), 0, 2**31 - 1], "int32"),
    "u32": np.array([[[0], [1], [2**32 - 1]]], "uint32"),
    "i64": np.array([-(2**63), 0, 2**63 - 1], "int64"),
    "bool": np.array([True, False, True]),
    "scalar": np.array(-1.5),
    "empty": np.zeros((0, 3), "float32"),
}
TEXTS = {"words": WORDS, "word": WORDS[0], "no words": [], "one word": [[WORDS[0]]]}


def text_of(value):
    value = np.asarray(value, object)
    return np.frompyfunc(lambda v: v.decode() if isinstance(v, bytes) else v, 1, 1)(value)


def same(a, b):
    a = np.asarray(a)
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def forms(f):
    sets, attrs = f["data/sets"], f["attributes"].attrs
    check("all forms", set(sets) == {*FORMS, *TEXTS, "bf16"} and set(attrs) == {*FORMS, *TEXTS})
    for name, wanted in FORMS.items():
        check(f"data set {name}", same(sets[name][()], wanted) and sets[name].chunks is None)
        check(f"attribute {name}", same(attrs[name], wanted))
    for name, wanted in TEXTS.items():
        wanted = np.asarray(wanted, object)
        check(f"data set {name}", h5py.check_string_dtype(sets[name].dtype) and sets[name].shape == wanted.shape and
              np.all(text_of(sets[name][()]) == wanted))
        check(f"attribute {name}", np.all(text_of(attrs[name]) == wanted))
    check("bfloat16 as Keras writes it", sets["bf16"].attrs["dtype"] == "bfloat16" and sets["bf16"].dtype == "V2" and
          sets["bf16"][()].tobytes() == np.array([0x3F80, 0xC000, 0x7F7F], "<u2").tobytes())
    check("text", f.attrs["text"] == WORDS[0])
    check("names", f.attrs["names"].dtype.kind == "S" and [n.decode() for n in f.attrs["names"]] == WORDS)
    check("no names", f.attrs["no names"].shape == (0,))
    check("a path", f["data/deep/er/kernel:0"].shape == (6,))


def many(f):
    for name in f:
        n = int(name.split()[1])
        group = f[name]
        check(f"links {name}", list(group) == sorted(map(str, range(n))))
        step = max(1, n // 300)
        check(f"values {name}", all(group[str(i)][()] == (0, 128, 255)[i % 3] for i in range(0, n, step)))


def names(f):                                            # in the pieces that Keras makes
    wanted = np.array([f"a/name/of/24/bytes/{i:05}" for i in range(7000)], "S")
    pieces = next(np.array_split(wanted, n) for n in range(1, 99) if all(p.nbytes <= 64512 for p in np.array_split(wanted, n)))
    check("names in pieces", len(f.attrs) == len(pieces) and
          all(np.array_equal(f.attrs[f"w{i}"], p) for i, p in enumerate(pieces)))


def texts(f):
    sizes = [4047, 4048, 4064, 4065, 0, 100, 1000000, 7, 65536]
    check("long texts", all(f.attrs[str(i)] == chr(97 + i) * n for i, n in enumerate(sizes)) and len(f.attrs) == len(sizes))


def nothing(f):
    check("nothing", not len(f) and not len(f.attrs))


def go_on(path):
    """h5py changes what we wrote: the structures have to be as HDF5 itself leaves them."""
    with h5py.File(path, "r+") as f:
        groups = [f]
        f.visititems(lambda _, o: groups.append(o) if isinstance(o, h5py.Group) else None)
        for g in groups:
            before = list(g)
            for i in range(40):
                g[f"new {i}"] = np.full(3, i)
            g.attrs["new"] = "n" * 5000
            for name in before[::2]:
                del g[name]
    with h5py.File(path) as f:
        def look(name, o):
            if isinstance(o, h5py.Group):
                check(f"changed {name}", all(np.all(o[f"new {i}"][()] == i) for i in range(40)) and o.attrs["new"] == "n" * 5000)
        f.visititems(look)
        look("/", f)


for name in ("forms", "many", "names", "texts", "nothing"):
    path = f"{folder}/{name}.h5"
    with h5py.File(path) as f:
        globals()[name](f)
        check(f"{name}: size", f.id.get_filesize() == os.path.getsize(path))
    go_on(path)

z = zipfile.ZipFile(f"{folder}/text.zip")
check("text.zip", z.testzip() is None and {n: z.read(n) for n in z.namelist()} ==
      {"config.json": b'{"a": 1} and more', "b/\u00e9.txt": b"x", "empty": b""})
check("none.zip", zipfile.ZipFile(f"{folder}/none.zip").namelist() == [])
z = zipfile.ZipFile(f"{folder}/zip64.zip")
check("zip64.zip", z.read("a") == b"before" and z.read("b") == b"behind" and z.getinfo("zeros").file_size == 2**32 + 3)
with z.open("zeros") as member:
    size, last = 0, b""
    while piece := member.read(1 << 24):
        size, last = size + len(piece), (last + piece)[-4:]
check("zip64.zip: zeros", size == 2**32 + 3 and last == b"\0end")

a = np.load(f"{folder}/arrays.npz")
check("arrays.npz", a.files == ["w000", "w001", "flags", "one", "none"] and
      same(a["w000"], np.array([[1, 2.5, -3], [4, 5, 6]], "float32")) and same(a["w001"], np.array([-(2**63), 7])) and
      same(a["flags"], np.array([True, False])) and same(a["one"], np.array(2.5, "float32")) and
      same(a["none"], np.zeros((0, 4))))
print(f"{passed} passed, {failed} failed")
sys.exit(failed != 0)
