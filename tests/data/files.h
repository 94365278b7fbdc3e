/* files.h: small files for the readers' tests, written into a folder of their own that goes when the program ends. */
#ifndef TEST_FILES_H
#define TEST_FILES_H
#include "check.h"
#include "cornu.h"
#include <stdint.h>
#include <unistd.h>
#include <zlib.h>

static char files_folder[64];

static void files_remove(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", files_folder);
    if (files_folder[0] && system(command)) printf("could not remove %s\n", files_folder);
}

static const char *file_path(const char *name)
{
    static char path[4][256];
    static int  next;
    if (!files_folder[0]) {
        snprintf(files_folder, sizeof files_folder, "/tmp/cornu-test-XXXXXX");
        if (!mkdtemp(files_folder)) exit(1);
        atexit(files_remove);
    }
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", files_folder, name);
    return path[next];
}

static const char *file_of(const char *name, const void *bytes, size_t n)
{
    const char *path = file_path(name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f)) exit(1);
    return path;
}

static inline const char *file_of_text(const char *name, const char *text) { return file_of(name, text, strlen(text)); }

static inline const char *file_gz(const char *name, const void *bytes, size_t n)
{
    const char *path = file_path(name);
    gzFile f = gzopen(path, "wb9");
    for (size_t at = 0; f && at < n; at += 1u << 20) {
        unsigned part = (unsigned)(n - at < 1u << 20 ? n - at : 1u << 20);
        if (gzwrite(f, (const char *)bytes + at, part) != (int)part) exit(1);
    }
    if (!f || gzclose(f)) exit(1);
    return path;
}

/* The whole of a file, for comparing; *n bytes. */
static inline unsigned char *file_bytes(const char *path, size_t *n)
{
    static unsigned char bytes[1 << 16];
    FILE *f = fopen(path, "rb");
    *n = f ? fread(bytes, 1, sizeof bytes, f) : 0;
    if (f) fclose(f);
    return bytes;
}

/* The folder of the shared data sets: $CN_DATA, or beside the source. NULL where it is not. */
static inline const char *shared_data(void)
{
    const char *folder = getenv("CN_DATA");
#ifdef CN_SOURCE_DIR
    if (!folder) folder = CN_SOURCE_DIR "/../shared/data";
#endif
    return folder && !access(folder, R_OK) ? folder : NULL;
}

/* handle carries the status, and its message contains the part. */
#define CHECK_FAILS(handle, status, part)                    \
    do {                                                     \
        CHECK_INT(cn_error(handle), status);                 \
        CHECK_STR(cn_error_message(handle), part);           \
    } while (0)
#endif
