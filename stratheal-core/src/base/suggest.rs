//! "Did you mean ...?"

/// The candidate nearest to `given`, if one is near enough to be what was meant.
///
/// Near enough is a Jaro-Winkler similarity of 0.8, which is one or two wrong letters in a word of usual length, or a single slip of
/// the fingers in a short one: a letter too many, too few, wrong, or swapped with the next.
///
/// ```
/// use stratheal_core::base::suggest::nearest;
/// assert_eq!(nearest("intervall", ["timeout", "interval"]), Some("interval"));
/// assert_eq!(nearest("wbe", ["port", "web"]), Some("web"));
/// assert_eq!(nearest("zzz", ["timeout", "interval"]), None);
/// ```
pub fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (similarity(given, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

fn similarity(given: &str, candidate: &str) -> f64 {
    let similarity = strsim::jaro_winkler(given, candidate);
    let slip = given.len() > 2 && strsim::osa_distance(given, candidate) == 1;
    if slip { similarity.max(0.9) } else { similarity }
}
