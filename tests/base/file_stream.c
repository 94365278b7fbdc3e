/* Files written in pieces (cn__save): the new one whole, or the old one; whatever fails, at whatever point. */
#include "base/file.h"
#include "check.h"
#include "fail/alloc.h"
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static char folder[] = "/tmp/cornu-stream-XXXXXX", kept[64];

static const char *kept_path(void)
{
    if (strstr(folder, "XXXXXX") && !mkdtemp(folder)) exit(1);
    snprintf(kept, sizeof kept, "%s/kept", folder);
    return kept;
}

static void remove_folder(void)
{
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    CHECK(!strstr(folder, "XXXXXX") && system(command) == 0);
}

static int files_there(void)
{
    int  n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) n += e->d_name[0] != '.';
    if (d) closedir(d);
    return n;
}

static unsigned char byte_at(size_t i) { return (unsigned char)(i * 131 >> 5 ^ i); }

static void put_old(void)
{
    FILE *f = fopen(kept_path(), "wb");
    CHECK(f && fputs("old", f) >= 0 && !fclose(f));
}

/* 'o': the old one is there; 'n': n bytes of byte_at, all of them; '?': something else. */
static char what_is_there(size_t n)
{
    FILE  *f = fopen(kept, "rb");
    size_t i = 0;
    char   old[4] = "";
    if (!f) return '?';
    for (int byte; (byte = getc(f)) != EOF && byte == byte_at(i); i++) {}
    bool whole = i == n && feof(f);
    rewind(f);
    bool is_old = fread(old, 1, 4, f) == 3 && !memcmp(old, "old", 3);
    fclose(f);
    return whole ? 'n' : is_old ? 'o' : '?';
}

/* Pieces of all sizes around the buffer's. */
static const size_t pieces[] = { 1, 0, 65535, 65536, 65537, 200000, 7, 65530, 100, 65536, 1 };

static size_t total(void)
{
    size_t n = 0;
    for (size_t i = 0; i < CN__COUNT(pieces); i++) n += pieces[i];
    return n;
}

static bool put_pieces(cn__save *s)
{
    static unsigned char bytes[600000];
    bool good = true;
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = byte_at(i);
    size_t at = 0;
    for (size_t i = 0; i < CN__COUNT(pieces); i++) {
        good = cn__save_put(s, bytes + at, pieces[i]);
        at += pieces[i];
    }
    return good;                                         /* of the last one: a failure sticks */
}

TEST(pieces)
{
    cn_ctx *c = cn_open();
    put_old();
    cn__save *s = cn__save_begin(c, NULL, kept);
    CHECK(s && put_pieces(s));
    CHECK_INT(what_is_there(total()), 'o');              /* until the end */
    CHECK_INT(files_there(), 2);
    CHECK_INT(cn__save_end(s), CN_OK);
    CHECK_INT(what_is_there(total()), 'n');
    CHECK_INT(files_there(), 1);

    s = cn__save_begin(c, NULL, kept);                   /* nothing at all is a file, too */
    CHECK_INT(cn__save_end(s), CN_OK);
    CHECK_INT(what_is_there(0), 'n');
    CHECK_INT(cn_close(c), 0);
}

TEST(abandoned)
{
    cn_ctx *c = cn_open();
    put_old();
    cn__save *s = cn__save_begin(c, NULL, kept);
    CHECK(s && put_pieces(s));
    cn__save_abandon(s);
    cn__save_abandon(NULL);
    CHECK_INT(what_is_there(total()), 'o');
    CHECK_INT(files_there(), 1);
    cn__save *a = cn__save_begin(c, NULL, kept), *b = cn__save_begin(c, NULL, kept);     /* two at a time */
    CHECK(a && b && put_pieces(b));
    cn__save_put(a, "other", 5);
    CHECK_INT(cn__save_end(a), CN_OK);
    CHECK_INT(cn__save_end(b), CN_OK);
    CHECK_INT(what_is_there(total()), 'n');
    CHECK_INT(files_there(), 1);
    CHECK_INT(cn_close(c), 0);
}

TEST(cannot_begin)
{
    cn_ctx *c = cn_open();
    CHECK(!cn__save_begin(c, "s.c:9", "/no/such/folder/x"));
    CHECK_STR(cn_error_message(c), "s.c:9: /no/such/folder/x: cannot create a file beside it: No such file");
    CHECK_INT(cn_error(c), CN_E_IO);
    CHECK(!cn__save_begin(c, NULL, "") && cn_error(c) == CN_E_VALUE);
    CHECK(!cn__save_begin(c, NULL, NULL) && cn_error(c) == CN_E_VALUE);
    CHECK_INT(cn_close(c), 1);
}

TEST(every_file_call_fails_once)
{
    for (long k = 1;; k++) {
        put_old();
        fail_files f = { .at = k };
        cn_ctx   *c = cn_open(.files = FAIL_FILES(&f));
        cn__save *s = cn__save_begin(c, NULL, kept);
        bool      good = s && put_pieces(s);
        if (s) good = cn__save_end(s) == CN_OK;
        CHECK(good == !f.failed);
        CHECK_INT(cn_error(c), good ? CN_OK : CN_E_IO);
        if (!good) CHECK_STR(cn_error_message(c), kept);
        char there = what_is_there(total());
        CHECK(there == 'n' || (!good && there == 'o'));
        CHECK_INT(files_there(), 1);
        CHECK_INT(f.open, 0);
        CHECK_INT(cn_close(c), f.failed);
        if (!f.failed || check_bad) break;
    }
}

static long full_after;                                  /* bytes that the disk still takes */
static int64_t write_until_full(int file, const void *bytes, size_t n, void *user)
{
    (void)user;
    size_t fits = CN__MIN(n, (size_t)full_after);
    if (!fits) return -ENOSPC;
    ssize_t went = write(file, bytes, fits);
    if (went > 0) full_after -= went;
    return went < 0 ? -errno : went;
}

TEST(full_disk)                                          /* it takes a part of what it is given, then nothing more */
{
    for (size_t room = 0; room <= total(); room += room < total() - 9999 ? 9999 : 1 + (total() - room) / 2) {
        cn_files files = cn__system_files;
        files.write = write_until_full, full_after = (long)room;
        put_old();
        cn_ctx   *c = cn_open(.files = files);
        cn__save *s = cn__save_begin(c, NULL, kept);
        CHECK(s);
        put_pieces(s);
        CHECK_INT(cn__save_end(s), room < total() ? CN_E_IO : CN_OK);
        if (room < total()) CHECK_STR(cn_error_message(c), "kept: cannot write: No space left on device");
        CHECK_INT(what_is_there(total()), room < total() ? 'o' : 'n');
        CHECK_INT(files_there(), 1);
        CHECK_INT(cn_close(c), room < total());
    }
}

TEST(file_too_large)                                     /* the system's own word: a limit on the size of files */
{
    pid_t child = fork();
    if (!child) {
        struct rlimit most = { 300000, 300000 };
        signal(SIGXFSZ, SIG_IGN);
        put_old();
        if (setrlimit(RLIMIT_FSIZE, &most)) _exit(1);
        cn_ctx   *c = cn_open();
        cn__save *s = cn__save_begin(c, NULL, kept);
        bool      good = s && !put_pieces(s) && cn__save_end(s) == CN_E_IO && what_is_there(0) == 'o';
        _exit(good && files_there() == 1 && strstr(cn_error_message(c), "File too large") ? 0 : 1);
    }
    int status = 1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

TEST(killed)                                             /* at any moment: one of the two is there, whole */
{
    for (int i = 0; i < 40; i++) {
        put_old();
        pid_t child = fork();
        if (!child) {
            cn_ctx *c = cn_open();
            for (;;) {
                cn__save *s = cn__save_begin(c, NULL, kept);
                if (!s || !put_pieces(s) || cn__save_end(s)) _exit(1);
            }
        }
        usleep((useconds_t)(500 + i * 400));
        kill(child, SIGKILL);
        int status;
        CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
        char there = what_is_there(total());
        CHECK(there == 'n' || there == 'o');
    }
}

TEST(every_allocation_fails_once)
{
    remove_folder();
    CHECK(mkdir(folder, 0700) == 0);
    for (long k = 1;; k++) {
        put_old();
        fail_alloc a = { .at = k };
        cn_ctx *c = cn_open(.allocator = FAIL_ALLOCATOR(&a), .threads = 1);
        if (c && !cn__bad(c)) {
            cn__save *s = cn__save_begin(c, NULL, kept);
            CHECK(!s == (cn_error(c) == CN_E_NOMEM));
            if (s) {
                put_pieces(s);
                cn_status status = cn__save_end(s);
                CHECK(status == (a.failed ? CN_E_NOMEM : CN_OK) || what_is_there(total()) == 'n');
            } else CHECK_INT(what_is_there(0), 'o');
            CHECK_INT(files_there(), 1);
        }
        CHECK_INT(cn_close(c), a.failed != 0);
        CHECK_INT(a.blocks, 0);
        CHECK_INT(a.bytes, 0);
        if (!a.failed || check_bad) break;
    }
    remove_folder();
}

CHECK_MAIN
