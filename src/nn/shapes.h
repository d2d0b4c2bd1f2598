/* shapes.h - networks from a table of layer shapes (CSV): everything that costs need, no weights
 *
 * One row per layer in execution order, all for one sample. Columns (others are refused):
 *     name, op, in_channels, out_channels           op: conv | linear | matmul | add | maxpool | avgpool | softmax | pad | slice
 *     kernel_h, kernel_w, stride (1), padding (0), groups (1), in_h, in_w (1)
 *     vectors     linear: tokens that go through the matrix (1);  matmul: rows of the left operand, those of all heads
 *     out_h, out_w, macs, weights                   what follows from the others: checked where they are given
 *     biases      0 or out_channels                 (0)
 *     inputs      names of the rows it reads, separated by blanks; "input" is the network's input
 * matmul is the product of two activations: per head a (vectors / heads) x in_channels matrix times an in_channels x out_channels
 * matrix; the number of heads is the size of the second operand over in_channels x out_channels.
 * Without `inputs` a row reads the nearest earlier row whose output has as many elements as it takes, otherwise the row before it
 * (what lies between, such as a pooling that has no row, is not counted); the second operand of a matmul is the nearest other row
 * whose size is a multiple of in_channels x out_channels and gives a whole number of rows per head.
 * pad and slice (a class token that is added, one token of many) cost nothing and give the size of their own row.
 * Left out unless a row says so: pooling, sums, softmax. Never counted: normalisation, GELU, embeddings.
 * Who may call: nn/import.c.
 */
#ifndef MB_NN_SHAPES_H
#define MB_NN_SHAPES_H

#include <stdint.h>

#include "nn/network.h"

/* SIZE bytes of DATA from the file PATH. *net is complete or untouched; net->weightless is set. MB_BADINPUT with file:line. */
int mb_shapes_parse(const uint8_t *data, size_t size, const char *path, mb_network **net);

#endif
