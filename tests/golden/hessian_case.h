/* hessian_case.h - one golden case of second-order sensitivity (schema hess-1), for run_hessian and other runners */
#ifndef HESSIAN_CASE_H
#define HESSIAN_CASE_H

/* Check the case in the JSON file PATH and print one TAP line numbered ++*line: the worst error over its tolerance, and of which
 * figure.
 * 1 when all figures agree, 0 when not or when the file cannot be read. */
int golden_hessian(const char *path, int *line);

#endif
