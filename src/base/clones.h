/* clones.h - one source, several instruction sets: MB_CLONES before a function makes the compiler build it for each
 *
 * The loader picks the version for the CPU (configure looks whether compiler and sanitizer allow it, else there is one version).
 * The versions give the same bits: built with -ffp-contract=off, and what is marked so has no sum of floating numbers whose order
 * a vectoriser may choose. For static functions whose names no other file uses so: clang 14 exports what picks the version under
 * the function's name, and two of a name do not link (tests/lint looks). Include config.h before. Anybody may include this.
 */
#ifndef MB_BASE_CLONES_H
#define MB_BASE_CLONES_H

#ifdef MB_HAVE_CLONES
#define MB_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MB_CLONES
#endif

#endif
