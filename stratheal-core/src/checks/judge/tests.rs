//! What conditions make of a measurement, once and over several runs.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::Unit;

fn condition(text: &str) -> Condition {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn measured() -> Measurement {
    let report = Report::healthy("fine")
        .metric(Metric::new("latency", 0.5123, Unit::Seconds))
        .metric(Metric::new("used", 40.0, Unit::Percent))
        .metric(Metric::new("used[/var]", 91.0, Unit::Percent))
        .metric(Metric::new("used[/home]", 50.0, Unit::Percent))
        .metric(Metric::new("load1", 2.0, Unit::Number))
        .metric(Metric::new("free", 1_073_741_824.0, Unit::Bytes))
        .metric(Metric::new("broken", f64::NAN, Unit::Number));
    let body = json!({
        "queue": {"depth": 7, "lag": "300ms"}, "items": [{"name": "a"}, {"name": "b"}], "state": "ok", "ready": true,
        "error": null, "odd key": 1, "big": 5e9,
    });
    Measurement::new(report)
        .fact("status", 200)
        .fact("body", body)
        .fact("headers", json!({"content-type": "text/html", "content-length": "120"}))
}

fn judged(warn: &[&str], crit: &[&str]) -> Report {
    let parse = |texts: &[&str]| texts.iter().map(|text| condition(text)).collect();
    judge(&Conditions { warn: parse(warn), crit: parse(crit) }, &measured(), &Active::default()).0
}

#[test]
fn what_holds_makes_a_warning_and_is_named() {
    for (text, summary) in [
        ("latency > 300ms", "latency 512.3ms > 300.0ms"),
        ("latency >= 0.5", "latency 512.3ms >= 500.0ms"),
        ("used > 85%", "used[/var] 91% > 85%"),
        ("used[/home] >= 50%", "used[/home] 50% >= 50%"),
        ("used <= 40%", "used 40% <= 40%"),
        ("load1 == 2", "load1 2 == 2"),
        ("free < 2GiB", "free 1.0GiB < 2.0GiB"),
        ("status == 200", "status 200 == 200"),
        ("status ~ ^2", "status 200 ~ ^2"),
        ("body.queue.depth > 5", "body.queue.depth 7 > 5"),
        ("body.queue.lag >= 200ms", "body.queue.lag \"300ms\" >= 200ms"),
        ("body.big > 4GiB", "body.big 5000000000.0 > 4GiB"),
        ("body.items[1].name == b", "body.items[1].name \"b\" == b"),
        ("body[\"odd key\"] == 1", "body[\"odd key\"] 1 == 1"),
        ("body.state != \"fine\"", "body.state \"ok\" != \"fine\""),
        ("body.ready == true", "body.ready true == true"),
        ("body.ready != false", "body.ready true != false"),
        ("body.error == null", "body.error null == null"),
        ("body.state != null", "body.state \"ok\" != null"),
        ("len(body.items) < 3", "len(body.items) 2 < 3"),
        ("len(body.state) == 2", "len(body.state) 2 == 2"),
        ("has(body.error)", "there is body.error"),
        ("has(body.nothing) == false", "there is no body.nothing"),
        ("has(latency)", "there is latency"),
        ("headers.content-type !~ json", "headers.content-type \"text/html\" !~ json"),
        ("headers.content-length > 100", "headers.content-length \"120\" > 100"),
        ("headers.content-length == 120", "headers.content-length \"120\" == 120"),
    ] {
        let report = judged(&[text], &[]);
        assert_eq!((report.status, report.summary.as_ref()), (Status::Warning, summary), "{text}");
    }
}

#[test]
fn what_does_not_hold_changes_nothing() {
    for text in [
        "latency > 1s",
        "used > 95%",
        "used[/home] > 50%",
        "load1 != 2",
        "status != 200",
        "body.state ~ ^o$",
        "body.error == ok",
        "has(body.nothing)",
        "len(body.items) > 2",
        "body.queue.lag > 1s",
    ] {
        let report = judged(&[text], &[text]);
        assert_eq!(
            (report.status, report.summary.as_ref(), report.code.as_ref()),
            (Status::Healthy, "fine", "ok"),
            "{text}"
        );
    }
}

#[test]
fn what_cannot_be_judged_is_unknown_and_says_why() {
    for (text, part) in [
        ("latncy > 300ms", "did you mean `latency`?"),
        ("zzz > 3", "there is latency, used"),
        ("used[/vra] > 85%", "did you mean `used[/var]`?"),
        ("body.queue.dept > 3", "`body.queue` has no `dept`, did you mean `depth`?"),
        ("body.items[7].name == a", "`body.items` has 2 items"),
        ("body.state.deeper == a", "nothing is inside it"),
        ("latency > 5GiB", "counts seconds"),
        ("load1 > 85%", "is a plain number"),
        ("latency == fast", "is a number"),
        ("latency ~ 5", "cannot be compared"),
        ("broken > 5", "is not a number"),
        ("body > 5", "an object of"),
        ("body ~ ok", "name something inside it"),
        ("body.state > 5", "is the text \"ok\", not a number"),
        ("body.queue.lag > 5GiB", "cannot be compared"),
        ("body.state.x > 5", "nothing is inside it"),
        ("body.ready == ok", "not a text"),
        ("status == \"200\"", "not a text"),
        ("len(status) > 5", "has no length"),
    ] {
        let report = judged(&[text], &[]);
        assert_eq!((report.status, report.code.as_ref()), (Status::Unknown, "condition-error"), "{text}");
        assert!(report.summary.contains(part) && report.summary.contains("warn_if"), "{text}: {}", report.summary);
    }
}

#[test]
fn the_worst_wins_and_is_named_first() {
    let report = judged(&["latency > 300ms"], &["used > 90%", "status == 500"]);
    assert_eq!((report.status, report.code.as_ref()), (Status::Critical, "used"));
    assert_eq!(report.summary, "used[/var] 91% > 90%; latency 512.3ms > 300.0ms");

    let report = judged(&["latncy > 300ms"], &["used > 90%"]);
    assert_eq!((report.status, report.code.as_ref()), (Status::Critical, "used"), "an error hides nothing worse");
    assert!(report.summary.contains("cannot be judged"));
}

#[test]
fn an_own_critical_stays_and_excuses_what_is_missing() {
    let own = Measurement::new(Report::critical("connection refused").code("connection-refused").hint("start it"));
    let conditions = Conditions::default().warn(condition("latency > 300ms")).crit(condition("body.x == 1"));
    let (report, _) = judge(&conditions, &own, &Active::default());
    assert_eq!(report, own.report);
}

#[test]
fn an_own_warning_keeps_its_code_unless_something_is_worse() {
    let mut own = measured();
    own.report.status = Status::Warning;
    own.report.code = "slow".into();
    let latency = condition("latency > 300ms");
    let (report, _) = judge(&Conditions::default().warn(latency.clone()), &own, &Active::default());
    assert_eq!((report.code.as_ref(), report.summary.as_ref()), ("slow", "fine; latency 512.3ms > 300.0ms"));
    let (report, _) = judge(&Conditions::default().crit(latency), &own, &Active::default());
    assert_eq!((report.status, report.code.as_ref()), (Status::Critical, "latency"));
}

#[test]
fn thresholds_reach_the_performance_data() {
    let report =
        judged(&["latency > 300ms", "used[/var] >= 85%", "load1 > 4", "load1 < 1"], &["latency > 1s", "free <= 1GiB"]);
    let metric = |name: &str| report.metrics.iter().find(|metric| metric.name == name).unwrap().clone();
    assert_eq!(crate::model::perfdata::write(&[metric("latency")]), "'latency'=0.5123s;~:0.3;~:1");
    let var = metric("used[/var]").warn.unwrap();
    assert!(var.alerts(85.0) && !var.alerts(84.9));
    assert_eq!(metric("used").warn, None);
    let free = metric("free").crit.unwrap();
    assert!(free.alerts(1_073_741_824.0) && !free.alerts(2e9));
    assert_eq!(metric("load1").warn.unwrap().to_string(), "1:4");
}

#[test]
fn a_flood_of_violations_is_cut_and_the_memory_bounded() {
    let mut report = Report::healthy("fine");
    report.metrics = (0..2000).map(|n| Metric::new(format!("used[{n}]"), 99.0, Unit::Percent)).collect();
    let conditions = Conditions::default().warn(condition("used > 85% clear 83%"));
    let (report, active) = judge(&conditions, &report.into(), &Active::default());
    assert!(report.summary.ends_with("and 1995 more"), "{}", report.summary);
    assert_eq!(active.subjects.values().map(BTreeSet::len).sum::<usize>(), Active::MAX);
}

fn percent(value: f64) -> Measurement {
    Report::healthy("fine").metric(Metric::new("used", value, Unit::Percent)).into()
}

#[test]
fn clear_holds_until_the_other_threshold() {
    let upper = Conditions::default().warn(condition("used > 85% clear 83%"));
    let lower = Conditions::default().crit(condition("used < 10% clear 20%"));
    for (conditions, table) in [
        (&upper, [(85.0, false), (85.1, true), (84.0, true), (83.1, true), (83.0, false), (84.0, false)]),
        (&lower, [(10.0, false), (9.9, true), (15.0, true), (19.9, true), (20.0, false), (15.0, false)]),
    ] {
        let mut active = Active::default();
        for (value, alerts) in table {
            let (report, next) = judge(conditions, &percent(value), &active);
            assert_eq!(report.status != Status::Healthy, alerts, "{value}");
            active = next;
        }
    }
    let (_, active) = judge(&upper, &percent(90.0), &Active::default());
    let (report, _) = judge(&upper, &percent(84.0), &active);
    assert_eq!(report.summary, "used 84% > 83%, since it was > 85%");
}

#[test]
fn clear_works_for_facts_and_survives_a_gap() {
    let conditions = Conditions::default().warn(condition("body.lag > 10 clear 5"));
    let lag = |value: i64| Measurement::new(Report::healthy("fine")).fact("body", json!({ "lag": value }));
    let (_, active) = judge(&conditions, &lag(11), &Active::default());
    let (report, active) = judge(&conditions, &Report::critical("refused").into(), &active);
    assert_eq!(report.status, Status::Critical);
    let (report, active) = judge(&conditions, &lag(7), &active);
    assert_eq!(report.summary, "body.lag 7 > 5, since it was > 10");
    let (report, active) = judge(&conditions, &lag(5), &active);
    assert_eq!(report.status, Status::Healthy);
    assert!(active.is_empty());
}

proptest! {
    /// Inside the band the answer is the one before; outside it the value alone decides.
    #[test]
    fn hysteresis_never_flips_inside_the_band(values in prop::collection::vec(0.0..100.0_f64, 1..50), upper: bool) {
        let text = if upper { "used > 60% clear 40%" } else { "used < 40% clear 60%" };
        let conditions = Conditions::default().warn(condition(text));
        let mut active = Active::default();
        let mut before = false;
        for value in values {
            let (report, next) = judge(&conditions, &percent(value), &active);
            let alerts = report.status == Status::Warning;
            let expected = match (value > 60.0, value < 40.0) {
                (true, _) => upper,
                (_, true) => !upper,
                _ => before,
            };
            prop_assert_eq!(alerts, expected);
            prop_assert_eq!(alerts, !next.is_empty());
            (active, before) = (next, alerts);
        }
    }

    #[test]
    fn never_panics_on_odd_measurements(text in "(len\\(|has\\()?(used|body)[.a-z\\[\\]0-9]{0,6}\\)? ?(==|<|~|>=) ?[a-z0-9%]{1,6}", name in "\\PC{0,8}", value: f64) {
        if let Ok(condition) = text.parse::<Condition>() {
            let report = Report::healthy("fine").metric(Metric::new(name.clone(), value, Unit::Other(name.clone())));
            let measurement = Measurement::new(report).fact(name.clone(), name).fact("body", json!([1, {"a": []}, null]));
            let _ = judge(&Conditions::default().warn(condition), &measurement, &Active::default());
        }
    }
}
