/* bench.h - what the files of `make bench` share */
#ifndef MB_BENCH_H
#define MB_BENCH_H

double bench_cpu_s(void);             /* CPU time of this thread */
/* Peaks of one core, multiply-adds per second of CPU time; 0 when the processor lacks the unit. */
typedef struct bench_peaks { double amx_int8, vnni_int8, fma_fp32; } bench_peaks;
void bench_measure_peaks(bench_peaks *p);
extern bench_peaks peaks;

/* Devices of the measurements. */
#define STATIC_CELL "cell = \"rram\"; on_off = 1000000.0; prog_sigma = 0.02;"
#define NOISY_CELL STATIC_CELL " read_sigma = 0.01;"
enum { BENCH_CELLS = 3 };
typedef struct bench_cell { const char *name, *text; } bench_cell;
extern const bench_cell cells[BENCH_CELLS];

void must(int rc);                    /* ends the program with the error's trail when RC is not 0 */
void *need(void *p);                  /* the same when memory is gone */
double peak_of(const char *kernel);   /* of the unit that the kernel uses */
/* One line: pairs of a key and a value; the key's first letter is the type: s string, i integer, r real. The last is NULL. */
void line(const char *group, ...);

/* Groups of bench_network.c */
void bench_network(void);
void bench_parts(void);
void bench_threads(void);
void bench_growth(void);
void bench_cost(void);          /* bench_cost.c */
void bench_sensitivity(void);
void bench_sweep(void);         /* bench_sweep.c */
void bench_sweep_costs(void);

#endif
