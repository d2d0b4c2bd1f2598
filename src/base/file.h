/* file.h - whole files, atomic writes, paths, search for named presets */
#ifndef MB_BASE_FILE_H
#define MB_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>

/* Read a whole file (at most LIMIT bytes, 0: 2 GiB) into *data (mb_free it; one zero byte follows the data). mb_file_gzread also
 * inflates gzip; a plain file is read as it is; a truncated or corrupt gzip stream is MB_BADINPUT. Directories and missing files
 * are MB_BADINPUT. */
int mb_file_read(const char *path, size_t limit, uint8_t **data, size_t *size);
int mb_file_gzread(const char *path, size_t limit, uint8_t **data, size_t *size);
/* Write through a temporary file in the same folder, fsync, rename: all or nothing. */
int mb_file_write(const char *path, const void *data, size_t size);
/* The same without fsync: all or nothing for other processes; whether it outlasts a crash of the machine is the caller's matter. */
int mb_file_put(const char *path, const void *data, size_t size);
/* Take away the temporary files of writers that were killed, in DIR itself; files that are being written stay, whoever writes them. */
void mb_file_sweep(const char *dir);
int mb_file_status(int err);                    /* the status of a failed system call (errno) on a path that the user gave */
int mb_file_mkdirs(const char *path);
int mb_file_exists(const char *path);           /* 1 for a readable regular file */
int mb_dir_exists(const char *path);
char *mb_path_dir(const char *path);            /* folder part, "." when none; mb_free */
char *mb_path_join(const char *dir, const char *rel); /* REL itself when absolute; mb_free */
char *mb_path_base(const char *path);           /* name without folder and last extension; mb_free */

/* A file that ships: NAME itself when it is there or nowhere else, otherwise NAME in the folders of mb_preset_find (with a note that
 * says which). "experiments/quickstart.cfg" works from any folder. *path is mb_free'd. */
int mb_file_find(const char *kind, const char *name, char **path);
/* Where a preset called NAME of a kind ("devices", "arch", "baselines", "data", "networks") lives. NAME ending in ".cfg" or
 * holding a '/' is a path relative to BESIDE. Otherwise NAME.cfg is looked for in: BESIDE, BESIDE/KIND, then for each D of
 * $MIXBAR_PATH, the folder of the running program (of BIN/mixbar also BIN/../share/mixbar) and the installed data folder: D, D/KIND, D/experiments/KIND. MB_BADINPUT lists
 * the folders tried and the nearest name. *path is mb_free'd. */
int mb_preset_find(const char *kind, const char *name, const char *beside, char **path);
/* All names of presets of a kind in the folders of that search path that belong to the kind alone (BESIDE/KIND, D/KIND,
 * D/experiments/KIND): names[0..n-1], sorted, unique; free each and the array. */
int mb_preset_list(const char *kind, const char *beside, char ***names, char ***paths, size_t *n);

#endif
