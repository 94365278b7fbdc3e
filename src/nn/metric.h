/* metric.h: what the two files of metrics share. */
#ifndef CN__METRIC_H
#define CN__METRIC_H
#include "nn/nn.h"

extern const cn__metric_ops cn__metric_auc, cn__metric_precision, cn__metric_recall, cn__metric_true_positives,
    cn__metric_true_negatives, cn__metric_false_positives, cn__metric_false_negatives;
cn__val cn__metric_weights(cn_graph *, cn__val weight,
                           cn__val like); /* (B ..) or 0, in the shape of like; ones where it is 0 */
cn__val cn__metric_vector(cn_graph *, int n,
                          const cn__val *parts); /* scalars and vectors, one behind the other, as float64 */
#endif
