//! Medians and other quantiles.

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
