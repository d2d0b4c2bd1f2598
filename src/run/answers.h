/* answers.h - what the oracle has found out for the points of an experiment, by the hash of the question
 *
 * Points that differ in budgets and policies ask the same of the same network, machine and data: sensitivities of layers, scores of plans, curvatures. All functions may
 * be called by many threads. Who may call: the oracle (run/oracle.c).
 */
#ifndef MB_RUN_ANSWERS_H
#define MB_RUN_ANSWERS_H

#include <stddef.h>
#include <stdint.h>

typedef struct mb_answers mb_answers;
int mb_answers_new(mb_answers **a);
void mb_answers_free(mb_answers *a);
/* NULL: not known. What is found stays as long as A. */
void *mb_answers_find(mb_answers *a, uint64_t key);
/* OBJECT is A's from here on, also on failure; where KEY is known already it goes, and what was there stays (both are the same). *kept (may be NULL): what is there. */
int mb_answers_put(mb_answers *a, uint64_t key, void *object, void (*destroy)(void *), void **kept);
int mb_answers_copy(mb_answers *a, uint64_t key, const void *data, size_t size);   /* puts a copy */
/* One at a time between these: for work that others would do again. Not to be nested. */
void mb_answers_begin(mb_answers *a);
void mb_answers_end(mb_answers *a);

#endif
