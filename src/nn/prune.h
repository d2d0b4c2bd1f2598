/* prune.h - networks with fewer channels: which layers must be pruned together, what is kept, the smaller network
 *
 * Channels of a network fall into groups. The outputs of a weighted layer are a group; what lies between keeps it (ReLU, pooling,
 * affine layers, flattening, depthwise convolutions), and an addition makes one group of those of its terms: all layers that put
 * into one residual stream keep the same channels or none is pruned. The inputs of the network, its outputs, and whatever an operator
 * mixes or reorders (concatenation, padding, slices, softmax, products of activations, grouped convolutions, fully connected layers
 * over tokens) are never pruned, nor what is added to them.
 *
 * Dropping a channel of a group drops the column (filter, bias) of every layer that puts into it, its place in between, and the rows
 * of every layer that reads it. Dropping rows of one layer only ("keep_inputs") leaves the channel to the others: a layer of its own
 * selects what is read. In both cases the readers lose a signal x, and its mean over the calibration samples takes its place exactly
 * where the window lies within the image (zero padding at the border is counted as if it were data):
 *     bias[o] += sum over dropped inputs c, taps t of W[o][c][t] mean[c]
 *
 * Which ones are kept: those of the largest importance; of equal ones the first. With gradients (run/prune.h) it is the first-order
 * change of the loss that the replacement makes,
 *     I_c = mean_s (sum over readers of D_sc)^2,   D_sc = sum_(o,t) g_s[o][c][t] W[o][c][t] - mean[c] sum_o gb_s[o] sum_t W[o][c][t],
 * g_s and gb_s the gradients of sample s with respect to weights and bias of the reader: Molchanov et al., Importance estimation for
 * neural network pruning, CVPR 2019, arXiv:1906.10771 (there for the filter itself and without a mean). Without data it is the mean
 * over the group's layers of |filter|^2 / sum of all |filter|^2 of the layer; H. Li et al., Pruning filters for efficient ConvNets, ICLR
 * 2017, arXiv:1608.08710 (there |filter|_1). A network without weights keeps the first channels: its costs are the same for any.
 *
 * Who may call: the floors above; policies for the groups. All functions but mb_pruner_free only read the pruner.
 */
#ifndef MB_NN_PRUNE_H
#define MB_NN_PRUNE_H

#include "nn/op.h"

/* Groups of channels. */
typedef struct mb_couplings {
    int n_weighted, n_groups;
    int *group;                  /* [n_weighted] of the layer's outputs; -1: all must be kept */
    int *channels;               /* [n_groups] */
    int *leader;                 /* [n_groups] first weighted layer that puts into it */
    int *in_group;               /* [n_weighted] of the inputs; -1: none that can be pruned */
    int *in_channels;            /* [n_weighted] channels of the input; win.cin / in_channels rows of a fully connected layer are one */
    bool *follows;               /* [n_weighted] depthwise: its outputs are its inputs' group */
    const char **why;            /* [n_weighted] group -1: why, static text */
    int n_layers, *at;           /* [n_layers of the network] group of each layer's output, -1: none */
} mb_couplings;
int mb_couplings_new(const mb_network *net, mb_couplings **c);
void mb_couplings_free(mb_couplings *c);

/* What pruning needs to know about a network; net is borrowed. */
typedef struct mb_pruner {
    const mb_network *net;
    mb_couplings *couplings;
    double **score;              /* [n_groups][channels] importance */
    double **row_score;          /* [n_weighted][in_channels]: of an input channel to this layer */
    float **mean;                /* [n_weighted][win.cin] mean input; NULL: 0 */
} mb_pruner;
/* Importance from weights, no means. */
int mb_pruner_new(const mb_network *net, mb_pruner **p);
void mb_pruner_free(mb_pruner *p);

/* The network that keeps, of the outputs of weighted layer m, keep_outputs[m] channels (0: all), and of its inputs
 * keep_inputs[m] (0: all that are left). One layer of a group is enough to say; two that say different numbers are MB_BADINPUT, and so is
 * more than there is, or a layer that cannot be pruned. Weighted layers keep names and order. The hash tells what was kept.
 * MASK: nothing is taken out; what is dropped is zero, for tests: the same function. */
int mb_prune(const mb_pruner *p, const int *keep_outputs, const int *keep_inputs, bool mask, mb_network **net);
/* Channels kept of group g under keep_outputs (checked as above): all of them where nobody says. */
int mb_prune_count(const mb_couplings *c, const mb_network *net, const int *keep_outputs, int *count);

/* What is dropped when KEEP of N channels are kept: *drop[n], one block of the caller. MB_SYSTEM without memory. */
int mb_prune_dropped(const double *score, int n, int keep, bool **drop);
/* Sum of the scores of what is dropped (keep 0: nothing). */
int mb_prune_lost(const double *score, int n, int keep, double *lost);

/* attr of a layer with the operator mb_op_select; NULL without memory. */
void *mb_selection_new(int n, const int *index);

#endif
