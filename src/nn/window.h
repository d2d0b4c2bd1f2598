/* window.h - sliding windows of convolution and pooling: geometry from ONNX attributes
 *
 * Output size along an axis of I elements, kernel k, dilation d, stride s, padding p0 before and p1 after, with the extent e = (k
 * - 1) d + 1: o = floor((I + p0 + p1 - e) / s) + 1        (ceil_mode: ceil; a last window that would begin in the padding after
 * the data is left out) auto_pad SAME_UPPER, SAME_LOWER: o = ceil(I / s), total padding max((o - 1) s + e - I, 0), the odd one
 * after (UPPER) or before (LOWER). A one-dimensional layer (C x L) is seen as C x 1 x L.
 */
#ifndef MB_NN_WINDOW_H
#define MB_NN_WINDOW_H

#include "nn/network.h"
#include "nn/node.h"

/* Fill kernel, stride, padding, dilation, cin, ih, iw, oh, ow of *w for an input of shape IN (C x H x W or C x L). KERNEL: the
 * spatial sizes of the weights (convolution), or NULL: attribute kernel_shape, which is then required. cout and groups are set to
 * cin. */
int mb_window_read(const mb_node *node, const mb_shape *in, const int64_t *kernel, bool ceil_mode, mb_window *w);
/* Output shape C x oh x ow, or C x ow for a one-dimensional input. */
mb_shape mb_window_shape(const mb_window *w, const mb_shape *in, int channels);

#endif
