/* file_write.c - files that are there whole or not at all
 *
 * A temporary file is written beside its goal and renamed. Its writer holds a lock on it (flock) from before the first byte until after
 * the rename; a writer that is killed loses the lock and leaves the file. So mb_file_sweep may take away what it can lock. A writer whose
 * file is swept between its creation and its lock finds that out, and takes another. */
#include "config.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

#define TEMP_HEAD ".mixbar-"
#define TEMP_TAIL ".tmp"

static int write_all(int fd, const uint8_t *p, size_t n) {
    while (n) {
        ssize_t k = write(fd, p, n < 1u << 30 ? n : 1u << 30);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return -1;
        p += k;
        n -= (size_t)k;
    }
    return 0;
}

/* Straight into something that is no regular file: a pipe, a terminal, /dev/null. */
static int write_direct(const char *path, const void *data, size_t size) {
    int rc = MB_OK, fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return mb_fail(mb_file_status(errno), "%s: cannot be written: %s", path, strerror(errno));
    if (write_all(fd, data, size) != 0) rc = mb_fail(MB_SYSTEM, "%s: writing failed: %s", path, strerror(errno));
    if (close(fd) != 0 && rc == MB_OK) rc = mb_fail(MB_SYSTEM, "%s: writing failed: %s", path, strerror(errno));
    return rc;
}

/* Make and lock a temporary file in DIR for PATH: its name (mb_free it) and descriptor. */
static int open_temp(const char *path, const char *dir, char **temp, int *fd) {
    struct stat st;
    int err = EEXIST;
    *temp = NULL;
    for (int i = 0; i < 1000; i++) {
        mb_free(*temp);
        *temp = mb_asprintf("%s/" TEMP_HEAD "%ld-%d" TEMP_TAIL, dir, (long)getpid(), i);
        if (!*temp) return mb_nomem();
        *fd = open(*temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (*fd < 0) {
            err = errno;
            if (err == EEXIST || err == EINTR) continue;
            break;
        }
        bool swept = flock(*fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK; /* where locks are not known nobody sweeps */
        if (!swept && (fstat(*fd, &st) != 0 || st.st_nlink > 0)) return MB_OK;
        close(*fd);
        *fd = -1;
    }
    mb_free(*temp);
    *temp = NULL;
    return mb_fail(mb_file_status(err), "%s: cannot be written: folder %s: %s", path, dir, strerror(err));
}

static int write_whole(const char *path, const void *data, size_t size, int sync) {
    int rc = MB_OK, fd = -1, lock = -1, dfd = -1;
    char *real = NULL, *dir = NULL, *temp = NULL;
    struct stat st;
    int exists = stat(path, &st) == 0;
    if (exists && S_ISDIR(st.st_mode)) return mb_fail(MB_BADINPUT, "%s: is a folder, a file is to be written", path);
    if (exists && !S_ISREG(st.st_mode)) return write_direct(path, data, size);
    char resolved[PATH_MAX]; /* a link stays a link, its target is replaced */
    real = mb_strdup(exists && realpath(path, resolved) ? resolved : path);
    if (real) dir = mb_path_dir(real);
    if (!real || !dir) {
        rc = mb_nomem();
        goto out;
    }
    rc = open_temp(path, dir, &temp, &fd);
    if (rc) goto out;
    int failed = write_all(fd, data, size) != 0 || (exists && fchmod(fd, st.st_mode & 07777) != 0) || (sync && fsync(fd) != 0);
    int err = errno;
    lock = dup(fd); /* holds the lock while the file is closed, which tells of late errors, and renamed */
    if (close(fd) != 0 && !failed) {
        failed = 1;
        err = errno;
    }
    if (!failed && rename(temp, real) != 0) {
        failed = 1;
        err = errno;
    }
    if (failed) {
        rc = mb_fail(mb_file_status(err), "%s: writing failed: %s", path, strerror(err));
        goto out;
    }
    mb_free(temp);
    temp = NULL;
    dfd = sync ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1; /* make the new name durable; not every file system can */
    if (dfd >= 0) {
        (void)fsync(dfd);
        close(dfd);
    }
out:
    if (temp) unlink(temp);
    if (lock >= 0) close(lock);
    mb_free(temp);
    mb_free(dir);
    mb_free(real);
    return rc;
}

int mb_file_write(const char *path, const void *data, size_t size) { return write_whole(path, data, size, 1); }
int mb_file_put(const char *path, const void *data, size_t size) { return write_whole(path, data, size, 0); }

/* --- what writers left that were killed --------------------------------------------------------------------------------- */

static bool is_temp(const char *name) {
    if (strncmp(name, TEMP_HEAD, strlen(TEMP_HEAD)) != 0) return false;
    name += strlen(TEMP_HEAD);
    size_t pid = strspn(name, "0123456789"), k = name[pid] == '-' ? strspn(name + pid + 1, "0123456789") : 0;
    return pid && k && strcmp(name + pid + 1 + k, TEMP_TAIL) == 0;
}

void mb_file_sweep(const char *dir) {
    struct stat mine, there;
    DIR *d = opendir(dir);
    if (!d) return;
    for (const struct dirent *e; (e = readdir(d));) {
        int at = dirfd(d), fd = is_temp(e->d_name) ? openat(at, e->d_name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
        if (fd < 0) continue;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &mine) == 0 && S_ISREG(mine.st_mode) && fstatat(at, e->d_name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
            mine.st_ino == there.st_ino && mine.st_dev == there.st_dev)
            unlinkat(at, e->d_name, 0);
        close(fd);
    }
    closedir(d);
}
