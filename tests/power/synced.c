/* A disk that loses what was not synced: each time a file below $POWER_HOME is synced, what it holds then is
 * kept below $POWER_IMAGES, in a folder for each sync, with the log of effects as it was before that sync. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static int syncs = 0;

static void copy(const char *from, const char *to) {
    char part[1 << 16];
    int in = open(from, O_RDONLY), out;
    ssize_t many;
    if (in < 0) return;
    out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    while ((many = read(in, part, sizeof part)) > 0)
        if (write(out, part, many) != many) abort();
    close(out);
    close(in);
}

/* The effects that have happened while the journal was as the sync before this one left it. */
static void before(const char *images) {
    char log[4096], to[4096];
    snprintf(log, sizeof log, "%s/effects.log", getenv("POWER_HOME"));
    snprintf(to, sizeof to, "%s/%04d/effects.log", images, syncs);
    copy(log, to);
}

static void after(const char *images, const char *path) {
    char old[4096], new[4096], from[4200], to[4200];
    const char *names[] = {"errand.db", "errand.db-wal"};
    snprintf(old, sizeof old, "%s/%04d", images, syncs);
    snprintf(new, sizeof new, "%s/%04d", images, ++syncs);
    mkdir(new, 0700);
    for (int at = 0; at < 2; at++) {
        snprintf(from, sizeof from, "%s/%s", old, names[at]);
        snprintf(to, sizeof to, "%s/%s", new, names[at]);
        copy(from, to);
    }
    snprintf(to, sizeof to, "%s/%s", new, strrchr(path, '/') + 1);
    copy(path, to);
}

static int synced(int file, const char *name) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    const char *home = getenv("POWER_HOME"), *images = getenv("POWER_IMAGES");
    char link[64], path[4096];
    ssize_t length;
    int done;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    if (!home || !images || strncmp(path, home, strlen(home)) || !strstr(path, "/errand.db"))
        return real(file);
    pthread_mutex_lock(&turn);
    before(images);
    done = real(file);
    if (!done) after(images, path);
    pthread_mutex_unlock(&turn);
    return done;
}

int fsync(int file) { return synced(file, "fsync"); }
int fdatasync(int file) { return synced(file, "fdatasync"); }
