"""Makes h5.zip: files in all forms that the HDF5 reader knows, beside each what h5py reads from it (*.txt), in the words
of tests/formats/hdf5_read.c; and in refused/ files that are refused. Needs h5py; run by hand when a form is added.
usage: make_h5.py FOLDER      the files are left there, h5.zip too"""
import ctypes, glob, os, sys, zipfile
import h5py, numpy as np

here = sys.argv[1]
library = ctypes.CDLL(glob.glob(os.path.join(os.path.dirname(h5py.__file__), os.pardir, "h5py.libs", "libhdf5-*.so*"))[0])
for name in "H5Pset_istore_k", "H5Pset_chunk_opts":     # not in h5py
    getattr(library, name).argtypes = [ctypes.c_int64, ctypes.c_uint]


# ---- What h5py reads, as text ---------------------------------------------------------------------------------------
def fnv(data):
    h = 0xCBF29CE484222325
    for byte in data:
        h = (h ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return h


def described(values, dtype):
    """dtype, dimensions, hash of all bytes, the first four values"""
    if isinstance(values, h5py.Empty):
        return "%s empty" % ("string" if dtype.kind in "SO" else dtype.name)
    values = np.asarray(values)
    shape = "[%s]" % " ".join(map(str, values.shape))
    if values.dtype.kind in "OSU":
        texts = [t if isinstance(t, bytes) else t.encode() for t in values.reshape(-1).tolist()]
        return "string %s %016x" % (shape, fnv(b"".join(t + b"\0" for t in texts))) + "".join(
            ' "%s"' % t.decode()[:30] for t in texts[:4])
    name = values.dtype.name
    if name == "uint64":
        name, values = "int64", values.astype("i8")
    values = values.astype(values.dtype.newbyteorder("="))
    return "%s %s %016x" % (name, shape, fnv(values.tobytes())) + "".join(
        " %.9g" % float(v) for v in values.reshape(-1)[:4])


def dump(path, o, out):
    for name in sorted(o.attrs, key=str.encode):
        out.append("%s @%s %s" % (path or "/", name, described(o.attrs[name], o.attrs.get_id(name).dtype)))
    if isinstance(o, h5py.Dataset):
        if o.name.endswith("bfloat16"):
            raw = np.zeros(o.shape, "u2")
            o.id.read(h5py.h5s.ALL, h5py.h5s.ALL, raw, mtype=bfloat16())
            text = described(raw, raw.dtype).split()
            values = (raw.astype("u4") << 16).view("f4")
            out.append("%s bfloat16 %s" % (path, " ".join(text[1:3] + ["%.9g" % v for v in values[:4]])))
        else:
            out.append("%s %s" % (path, described(o[()], o.dtype)))
        return
    for name in sorted(o, key=str.encode):
        child = o.get(name)
        if child is None:
            out.append("%s/%s nothing" % (path, name))
        else:
            dump(path + "/" + name, child, out)


# ---- Forms ----------------------------------------------------------------------------------------------------------
def numbers(shape, dtype, seed=1):
    n = int(np.prod(shape))
    return ((np.arange(n) * 37 + seed * 11) % 251 - (0 if np.dtype(dtype).kind in "ub" else 100)).astype(dtype).reshape(shape)


def bfloat16():
    t = h5py.h5t.IEEE_F32LE.copy()
    t.set_fields(15, 7, 8, 0, 7)
    t.set_size(2)
    t.set_precision(16)
    t.set_ebias(127)
    return t


def low(group, name, tid, shape, data, layout=None, options=None):
    dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    if layout is not None:
        dcpl.set_layout(layout)
    if options:
        options(dcpl)
    d = h5py.h5d.create(group.id, name.encode(), tid, h5py.h5s.create_simple(shape), dcpl)
    if data is not None:
        d.write(h5py.h5s.ALL, h5py.h5s.ALL, data, mtype=tid)


def types(f):
    g = f.create_group("types")
    for t in "f2 f4 f8 >f2 >f4 >f8 i1 u1 i2 u2 i4 u4 i8 u8 >i2 >u2 >i4 >u4 >i8 >u8 ?".split():
        name = t.replace(">", "big_").replace("?", "bool")
        g[name] = numbers((3, 5), t) if t != "?" else numbers((3, 5), "u1") % 2 == 1
        g.attrs[name] = g[name][()]
        g.attrs["one_" + name] = g[name][1, 2]
    low(g, "bfloat16", bfloat16(), (6,), (np.array([1, -2.5, 3e38, 0, 1e-40, np.inf], "f4").view("u4") >> 16).astype("u2"))
    g["nan"] = np.array([np.nan, np.inf, -np.inf, -0.0])


def strings(f):
    g = f.create_group("strings")
    words = ["", "a", "dense/kernel:0", "größe", "x" * 300] + ["word %d" % i for i in range(200)]
    g.create_dataset("variable", data=words, dtype=h5py.string_dtype())
    g.create_dataset("variable_ascii", data=[w.encode() for w in words[5:8]], dtype=h5py.string_dtype("ascii"))
    g.create_dataset("variable_chunked", data=words, dtype=h5py.string_dtype(), chunks=(64,), compression="gzip")
    g.create_dataset("one", data="only this", dtype=h5py.string_dtype())
    g.create_dataset("never_written", shape=(3,), dtype=h5py.string_dtype())
    g["fixed"] = np.array(["kernel:0", "bias:0", "", "gamma"], "S8")
    g["fixed_chunked"] = np.array([b"%d" % i for i in range(50)], "S4")
    for name, pad in ("ends", h5py.h5t.STR_NULLTERM), ("blanks", h5py.h5t.STR_SPACEPAD):
        t = h5py.h5t.C_S1.copy()
        t.set_size(6)
        t.set_strpad(pad)
        low(g, name, t, (3,), np.array([w.ljust(6, b" " if name == "blanks" else b"\0") for w in (b"ab", b"", b" abcd")], "S6"))
    g.attrs["text"] = "one of variable length"
    g.attrs["list"] = ["é", "", "three"]
    g.attrs["names"] = np.array([b"dense/kernel:0", b"dense/bias:0"])
    g.attrs["none"] = h5py.Empty("S10")
    g.attrs["long"] = "{" * 5000


def shapes(f):
    g = f.create_group("shapes")
    g["scalar"] = np.float32(7)
    g["empty"] = h5py.Empty("f4")
    g["none"] = np.zeros((0, 3), "f4")
    g.create_dataset("none_chunked", (0, 3), "f4", maxshape=(None, 3))
    g["eight"] = numbers((1, 2, 1, 3, 2, 1, 2, 2), "i2")
    g.attrs["none"] = np.zeros((2, 0))
    g.create_dataset("never_written", (4, 3), "f4")
    g.create_dataset("never_written_fill", (4, 3), "f4", fillvalue=2.5)
    low(g, "compact", h5py.h5t.IEEE_F32LE, (3, 4), numbers((3, 4), "f4"), h5py.h5d.COMPACT)


def chunks(f):
    g = f.create_group("chunks")
    x = numbers((13, 17), "f4")
    g.create_dataset("plain", data=x, chunks=(4, 5))
    g.create_dataset("gzip", data=x, chunks=(4, 17), compression="gzip")
    g.create_dataset("shuffle", data=x.astype(">f8"), chunks=(13, 5), compression="gzip", shuffle=True)
    g.create_dataset("fletcher32", data=x.astype("u1"), chunks=(5, 5), fletcher32=True)
    g.create_dataset("all", data=x.astype("i2"), chunks=(4, 4), compression="gzip", shuffle=True, fletcher32=True)
    g.create_dataset("single", data=x, chunks=(13, 17))
    g.create_dataset("single_gzip", data=x, chunks=(13, 17), compression="gzip")
    g.create_dataset("larger", data=x[:3, :3], chunks=(8, 8), maxshape=(None, None))
    g.create_dataset("grows", data=x, chunks=(2, 6), maxshape=(None, 17))
    g.create_dataset("grows_second", data=x, chunks=(3, 6), maxshape=(20, None), compression="gzip")
    g.create_dataset("grows_both", data=x, chunks=(3, 4), maxshape=(None, None))
    g.create_dataset("grows_both_gzip", data=x, chunks=(3, 4), maxshape=(None, None), compression="gzip")
    g.create_dataset("may_grow", data=x, chunks=(4, 4), maxshape=(20, 40))
    g.create_dataset("may_grow_gzip", data=x, chunks=(4, 4), maxshape=(20, 40), compression="gzip")
    g.create_dataset("cube", data=numbers((5, 6, 7), "i4"), chunks=(2, 3, 7))
    g.create_dataset("never_written", (9, 9), "i4", chunks=(4, 4), fillvalue=-3)
    d = g.create_dataset("partly", (20, 20), "f8", chunks=(4, 4), fillvalue=0.5, compression="gzip")
    d[5:6, 9:14] = 9
    d = g.create_dataset("shrunk", data=x, chunks=(4, 4), maxshape=(None, 17))
    d.resize((5, 17))
    early = lambda p: (p.set_chunk((2, 3)), p.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY))
    low(g, "early", h5py.h5t.STD_I16LE, (5, 7), numbers((5, 7), "i2"), options=early)
    edges = lambda p: (p.set_chunk((4, 4)), p.set_deflate(6), library.H5Pset_chunk_opts(p.id, 2))
    if f.libver[0] not in ("earliest", "v108"):
        low(g, "whole_edges", h5py.h5t.STD_I16LE, (6, 9), numbers((6, 9), "i2"), options=edges)
    g.create_dataset("pages", data=numbers((1500,), "u1"), chunks=(1,), maxshape=(1600,))
    g.create_dataset("blocks", data=numbers((700,), "u1"), chunks=(1,), maxshape=(None,))


def groups(f):
    f.create_group("a/b/c/d")["deep"] = numbers((4,), "f4")
    f["hard"] = f["a/b/c/d/deep"]
    f["hard_group"] = f["a/b"]
    f["soft"] = h5py.SoftLink("/a/b/c/d/deep")
    f["a/soft_relative"] = h5py.SoftLink("b/c/d")
    f["soft_soft"] = h5py.SoftLink("/soft")
    f["soft_nothing"] = h5py.SoftLink("/not/there")
    f.create_group("empty")
    for name, n, ordered in ("few", 5, False), ("many", 90, False), ("few_ordered", 5, True), ("many_ordered", 90, True):
        g = f.create_group(name, track_order=ordered)
        for i in range(n):
            g.create_group("layer_%d" % (i * 7 % n)) if i % 3 else g.create_dataset("%d" % i, data=np.int8(i))


def attributes(f):
    for name, n, ordered in ("few", 5, False), ("many", 70, False), ("many_ordered", 40, True):
        g = f.create_group("attributes_" + name, track_order=ordered)
        for i in range(n):
            g.attrs["a%d" % (i * 7 % n)] = np.arange(i, dtype="f4") if i % 2 else "text %d" % i
    g = f.create_group("attributes_large")
    for i in range(12):
        g.attrs["large_%d" % i] = numbers((600 + i,), "f8")


def weights(f):
    """as Keras writes a model's"""
    v = f.create_group("layers/dense/vars", track_order=True)
    v["0"], v["1"] = numbers((7, 3), "f4"), numbers((3,), "f4")
    f.attrs["keras_version"] = "3.0.0"


ALL = types, strings, shapes, chunks, groups, attributes, weights
VERSIONS = {                                             # the bounds of the library's versions, and what changes with them
    "default": (None, ALL), "v108": (("v108", "v108"), (shapes, chunks)), "v110": (("v110", "v110"), (chunks,)),
    "latest": ("latest", ALL)
}


def make(name, build, set_up=None, libver=None):
    """set_up: of the file's creation, which h5py.File does not let one say"""
    path = os.path.join(here, name)
    if set_up:
        fcpl, fapl = h5py.h5p.create(h5py.h5p.FILE_CREATE), h5py.h5p.create(h5py.h5p.FILE_ACCESS)
        set_up(fcpl)
        fapl.set_libver_bounds(h5py.h5f.LIBVER_LATEST if libver else h5py.h5f.LIBVER_EARLIEST, h5py.h5f.LIBVER_LATEST)
        h5py.h5f.create((path + ".h5").encode(), h5py.h5f.ACC_TRUNC, fcpl, fapl).close()
    with h5py.File(path + ".h5", "r+" if set_up else "w", libver=libver) as f:
        build(f)
    out = []
    with h5py.File(path + ".h5", "r") as f:
        dump("", f, out)
    with open(path + ".txt", "w") as text:
        text.write("\n".join(out) + "\n")


# ---- Small files that the tests damage: tests/formats/hdf5_bad.c ----------------------------------------------------
def number(f):
    f["g/x"] = numbers((3, 4), "f4")
    f["g"].attrs["a"] = np.int32(5)
    f["y"] = h5py.SoftLink("/g/x")


def chunk(f):
    f.create_dataset("x", data=numbers((4, 4), "f4"), chunks=(2, 4), compression="gzip", fletcher32=True)


def text(f):
    f.attrs["names"] = ["one of them", "two"]
    f.create_dataset("x", data=["one", "two"], dtype=h5py.string_dtype())


# ---- What is refused by its name: the file is called as the message says --------------------------------------------
def refused():
    folder = os.path.join(here, "refused")
    os.makedirs(folder, exist_ok=True)

    def one(name, build, **how):
        with h5py.File(os.path.join(folder, name + ".h5"), "w", **how) as f:
            build(f)

    def external(f):
        f.create_dataset("x", (4,), "f4", external=[("other.raw", 0, 16)])

    def virtual(f):
        layout = h5py.VirtualLayout((4,), "f4")
        layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
        f.create_virtual_dataset("x", layout)

    def committed(f):
        f["type"] = np.dtype("f4")
        f.create_dataset("x", (3,), dtype=f["type"])

    def filtered(number, *values):
        def build(f):
            low(f, "x", h5py.h5t.STD_I32LE, (64,), numbers((64,), "i4"),
                options=lambda p: (p.set_chunk((64,)), p.set_filter(number, 0, values)))
        return build

    one("external_link", lambda f: f.__setitem__("x", h5py.ExternalLink("other.h5", "/x")))
    one("external", external)
    one("virtual", virtual)
    one("committed", committed)
    one("compound", lambda f: f.__setitem__("x", np.zeros(3, [("a", "f4"), ("b", "i4")])))
    one("reference", lambda f: f.create_dataset("x", data=[f.ref], dtype=h5py.ref_dtype))
    one("region", lambda f: f.create_dataset("x", (1,), dtype=h5py.regionref_dtype))
    one("enumeration", lambda f: f.create_dataset("x", (3,), dtype=h5py.enum_dtype({"A": 0, "B": 1, "C": 5})))
    one("list", lambda f: f.create_dataset("x", (3,), dtype=h5py.vlen_dtype("f4")))
    one("opaque", lambda f: f.create_dataset("x", (3,), dtype="V5"))
    one("array", lambda f: f.create_dataset("x", (3,), dtype="(2,2)f4"))
    one("complex", lambda f: f.create_dataset("x", (3,), dtype="c8"))
    one("scaleoffset", lambda f: f.create_dataset("x", data=numbers((64,), "i4"), scaleoffset=0, chunks=(64,)))
    one("lzf", lambda f: f.create_dataset("x", data=numbers((64,), "i4"), compression="lzf", chunks=(64,)))
    one("nbit", filtered(5))
    one("deep", lambda f: f.create_group("/".join(["g"] * 65)), libver="latest")
    one("user_block", weights, userblock_size=512)


if __name__ == "__main__":
    os.makedirs(here, exist_ok=True)
    for version, (libver, forms) in VERSIONS.items():
        for form in forms:
            make(form.__name__ + "_" + version, form, libver=libver)
    make("sizes_4", chunks, lambda p: p.set_sizes(4, 4))
    make("sizes_4_latest", groups, lambda p: p.set_sizes(4, 4), "latest")
    make("superblock_1", lambda f: f.create_dataset("x", data=numbers((40, 40), "f4"), chunks=(3, 3), compression="gzip"),
         lambda p: library.H5Pset_istore_k(p.id, 2))
    for form in number, chunk, text:
        make("small_" + form.__name__, form)
        make("small_" + form.__name__ + "_latest", form, libver="latest")
    refused()
    with zipfile.ZipFile(os.path.join(here, "h5.zip"), "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(glob.glob(os.path.join(here, "**", "*.*"), recursive=True)):
            if not path.endswith(".zip"):
                archive.writestr(zipfile.ZipInfo(os.path.relpath(path, here)), open(path, "rb").read(), zipfile.ZIP_DEFLATED, 9)
