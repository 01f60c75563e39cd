/*
 * Runs a fuzz target over the files of its corpus folders, each input ending at a page that cannot be read. An empty or
 * missing folder is a failure: a corpus that went away would otherwise look like a passing test.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "../unit/guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *read_whole(const char *path, size_t *n) {
    struct stat st;
    FILE *f = fopen(path, "rb");
    if (f == NULL || fstat(fileno(f), &st) != 0) {
        perror(path);
        exit(1);
    }
    char *bytes = malloc((size_t)st.st_size + 1);
    *n = bytes ? fread(bytes, 1, (size_t)st.st_size, f) : 0;
    if (bytes == NULL || *n != (size_t)st.st_size) {
        perror(path);
        exit(1);
    }
    fclose(f);
    return bytes;
}

static void replay_file(const char *path) {
    size_t n;
    char *bytes = read_whole(path, &n);
    guard_t g = guard_copy(bytes, n);
    free(bytes);
    LLVMFuzzerTestOneInput((const uint8_t *)g.p, g.n);
    guard_free(&g);
}

static int replay_folder(const char *folder) {
    int count = 0;
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        perror(folder);
        return 0;
    }
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        char path[4096];
        if (e->d_name[0] == '.' || snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) >= (int)sizeof(path)) {
            continue;
        }
        replay_file(path);
        count++;
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        int count = replay_folder(argv[i]);
        if (count == 0) {
            fprintf(stderr, "%s: no corpus\n", argv[i]);
            return 1;
        }
        printf("%s: %d inputs\n", argv[i], count);
    }
    return argc > 1 ? 0 : 1;
}
