/* bench.h - what the files of `make bench` share */
#ifndef MB_BENCH_H
#define MB_BENCH_H

double bench_cpu_s(void);             /* CPU time of this thread */
/* Peaks of one core, multiply-adds per second of CPU time; 0 when the processor lacks the unit. */
typedef struct bench_peaks { double amx_int8, vnni_int8, fma_fp32; } bench_peaks;
void bench_measure_peaks(bench_peaks *p);

#endif
