//! Medians and other quantiles.

/// An interval that holds the median of what was sampled with at least 95 % probability, whatever its distribution is: from one of the
/// sorted values to another. Of fewer than six values nothing narrower than all of them does. Sorts the values.
///
/// Source: the sign test's interval, by the binomial distribution.
///
/// ```
/// use stratheal_benches::quantile::median_interval;
/// let mut values = vec![9.0, 1.0, 8.0, 2.0, 7.0, 3.0, 6.0, 4.0, 5.0];
/// assert_eq!(median_interval(&mut values), Some((2.0, 8.0)));
/// ```
#[must_use]
pub fn median_interval(values: &mut [f64]) -> Option<(f64, f64)> {
    values.sort_by(f64::total_cmp);
    let count = values.len();
    // How probable it is that no more than `cut` of them are below the median.
    let (mut below, mut term, mut cut) = (0.0, 0.5_f64.powi(i32::try_from(count).ok()?), 0);
    while cut < count {
        below += term;
        if 2.0 * below > 0.05 {
            break;
        }
        term *= (count - cut) as f64 / (cut + 1) as f64;
        cut += 1;
    }
    let first = cut.saturating_sub(1);
    Some((*values.get(first)?, *values.get(count - 1 - first)?))
}

/// The smallest value that is no smaller than a share `0.0..=1.0` of all, or `None` of nothing. Sorts the values.
///
/// ```
/// use stratheal_benches::quantile::quantile;
/// let mut values = vec![5.0, 1.0, 3.0, 2.0, 4.0];
/// assert_eq!(quantile(&mut values, 0.5), Some(3.0));
/// assert_eq!(quantile(&mut values, 0.99), Some(5.0));
/// ```
#[must_use]
pub fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * share).ceil() as usize;
    values.get(place.max(1) - 1).copied()
}
