//! Text into a [`Condition`]: a parser by hand, so that each error can say what to write instead.

use regex::RegexBuilder;

use super::operand::{Function, Operand, Step, is_key_character};
use super::{Condition, Literal, LiteralKind, Operator};
use crate::model::quantity;

/// The most memory a compiled pattern may take, in bytes.
const MAX_PATTERN: usize = 1 << 20;

/// The deepest path.
const MAX_STEPS: usize = 32;

type Problem = String;

pub(super) fn condition(text: &str) -> Result<Condition, Problem> {
    if text.len() > Condition::MAX_LENGTH {
        return Err(format!("it is longer than {} bytes", Condition::MAX_LENGTH));
    }
    let (operand, rest) = operand(text.trim())?;
    let rest = rest.trim_start();
    if rest.is_empty() && operand.function == Function::Exists {
        let value = Literal { text: "true".to_owned(), kind: LiteralKind::Bool(true) };
        return Ok(Condition { operand, operator: Operator::Equal, value, clear: None, pattern: None });
    }
    let (operator, rest) = operator(rest)?;
    let (value, rest) = literal(rest)?;
    let clear = match rest.strip_prefix("clear") {
        Some(after) if after.trim().is_empty() => {
            return Err("`clear` needs a value, as in `used > 85% clear 83%`".to_owned());
        }
        Some(after) => {
            let (clear, rest) = literal(after)?;
            if !rest.is_empty() {
                return Err(format!("`{rest}` is left over after the value of `clear`"));
            }
            Some(clear)
        }
        None if rest.is_empty() => None,
        None => return Err(format!("`{rest}` is left over after the value")),
    };
    if operator.is_ordering() {
        check_ordering(operator, &value, clear.as_ref())?;
    } else if clear.is_some() {
        return Err(format!("`clear` works with < <= > >= only, not with {}", operator.as_str()));
    }
    let pattern = match operator {
        Operator::Matches | Operator::MatchesNot => {
            let built = RegexBuilder::new(&value.text).size_limit(MAX_PATTERN).build();
            Some(built.map_err(|error| format!("its pattern is wrong: {}", one_line(&error.to_string())))?)
        }
        _ => None,
    };
    if operand.function == Function::Exists && !matches!(value.kind, LiteralKind::Bool(_)) {
        return Err("has(...) is true or false: write `has(...)` or `has(...) == false`".to_owned());
    }
    Ok(Condition { operand, operator, value, clear, pattern })
}

/// An ordering needs quantities, and a `clear` on the quiet side of the threshold.
fn check_ordering(operator: Operator, value: &Literal, clear: Option<&Literal>) -> Result<(), Problem> {
    let number = |literal: &Literal| {
        literal.quantity().cloned().ok_or_else(|| {
            format!(
                "{} needs a number with an optional unit such as 300ms, 5GiB or 85%, not {literal}",
                operator.as_str()
            )
        })
    };
    let enter = number(value)?;
    let Some(clear_literal) = clear else { return Ok(()) };
    let exit = number(clear_literal)?;
    let plain = crate::model::Unit::Number;
    if enter.unit != exit.unit && enter.unit != plain && exit.unit != plain {
        return Err(format!("{value} and {clear_literal} count different things"));
    }
    if operator.is_upper_limit() && exit.value > enter.value {
        return Err(format!(
            "it alerts above {value}, so `clear` must lie below that, where it is quiet again; {clear_literal} lies above"
        ));
    }
    if !operator.is_upper_limit() && exit.value < enter.value {
        return Err(format!(
            "it alerts below {value}, so `clear` must lie above that, where it is quiet again; {clear_literal} lies below"
        ));
    }
    Ok(())
}

fn operand(text: &str) -> Result<(Operand, &str), Problem> {
    for (name, function) in [("len(", Function::Length), ("has(", Function::Exists)] {
        if let Some(inner) = text.strip_prefix(name) {
            let (path, rest) = path(inner.trim_start())?;
            let rest = rest.trim_start().strip_prefix(')').ok_or_else(|| format!("`{name}` has no `)`"))?;
            return Ok((Operand::new(function, path), rest));
        }
    }
    let (path, rest) = path(text)?;
    if rest.starts_with('(') {
        return Err("only len(...) and has(...) are functions here".to_owned());
    }
    Ok((Operand::new(Function::Itself, path), rest))
}

fn path(text: &str) -> Result<(Vec<Step>, &str), Problem> {
    let (first, mut rest) = key(text)?;
    let mut steps = vec![Step::Key(first)];
    loop {
        if steps.len() > MAX_STEPS {
            return Err(format!("its path is deeper than {MAX_STEPS}"));
        }
        if let Some(after) = rest.strip_prefix('.') {
            let (name, after) = key(after)?;
            steps.push(Step::Key(name));
            rest = after;
        } else if let Some(after) = rest.strip_prefix('[') {
            let (step, after) = bracket(after)?;
            let ends = matches!(step, Step::Instance(_));
            steps.push(step);
            rest = after;
            if ends {
                return Ok((steps, rest));
            }
        } else {
            return Ok((steps, rest));
        }
    }
}

fn key(text: &str) -> Result<(String, &str), Problem> {
    if text.starts_with('"') {
        return quoted(text);
    }
    let end = text.find(|character| !is_key_character(character)).unwrap_or(text.len());
    if end == 0 {
        return Err("a name is missing; write for example `latency > 300ms` or `body.state != \"ok\"`".to_owned());
    }
    Ok((text[..end].to_owned(), &text[end..]))
}

fn bracket(text: &str) -> Result<(Step, &str), Problem> {
    let unclosed = || "a `[` has no `]`".to_owned();
    if text.starts_with('"') {
        let (name, rest) = quoted(text)?;
        return Ok((Step::Key(name), rest.strip_prefix(']').ok_or_else(unclosed)?));
    }
    let (inside, rest) = text.split_once(']').ok_or_else(unclosed)?;
    if inside.is_empty() {
        return Err("nothing stands between `[` and `]`".to_owned());
    }
    if inside.bytes().all(|byte| byte.is_ascii_digit()) {
        let index = inside.parse().map_err(|_| format!("[{inside}] is too large for an index"))?;
        return Ok((Step::Index(index), rest));
    }
    Ok((Step::Instance(inside.to_owned()), rest))
}

fn operator(text: &str) -> Result<(Operator, &str), Problem> {
    let end = text.find(|character| !"=!<>~".contains(character)).unwrap_or(text.len());
    let (written, rest) = text.split_at(end);
    if let Some(operator) = Operator::ALL.into_iter().find(|operator| operator.as_str() == written) {
        return Ok((operator, rest));
    }
    Err(match written {
        "" if text.is_empty() => "it compares with nothing; write for example `latency > 300ms`".to_owned(),
        "" => format!("`{text}` does not begin with one of == != < <= > >= ~ !~"),
        "=" => "write == to compare".to_owned(),
        "=<" => "write <= for at most".to_owned(),
        "=>" => "write >= for at least".to_owned(),
        "<>" => "write != for not equal".to_owned(),
        "=~" => "write ~ to match a pattern".to_owned(),
        other => format!("{other} is none of == != < <= > >= ~ !~"),
    })
}

/// Reads a value; what is left begins with something else than a blank.
fn literal(text: &str) -> Result<(Literal, &str), Problem> {
    let text = text.trim();
    if text.starts_with('"') {
        let (text, rest) = quoted(text)?;
        return Ok((Literal { text, kind: LiteralKind::Quoted }, rest.trim_start()));
    }
    // In TOML a condition stands in double quotes itself, so single ones are what a hand writes inside; nothing is special in them.
    if let Some(inside) = text.strip_prefix('\'') {
        let (text, rest) = inside.split_once('\'').ok_or("a quote is not closed")?;
        return Ok((Literal { text: text.to_owned(), kind: LiteralKind::Quoted }, rest.trim_start()));
    }
    let end = before_clear(text);
    let (written, rest) = (text[..end].trim_end(), &text[end..]);
    if written.is_empty() {
        return Err("a value is missing; write for example `latency > 300ms`".to_owned());
    }
    let kind = match written {
        "true" => LiteralKind::Bool(true),
        "false" => LiteralKind::Bool(false),
        "null" => LiteralKind::Null,
        written => match quantity::parse(written) {
            Ok(quantity) => LiteralKind::Quantity(quantity),
            Err(_) if written.contains(char::is_whitespace) => {
                return Err(format!("put text with blanks in quotes: \"{written}\""));
            }
            Err(_) => LiteralKind::Word,
        },
    };
    Ok((Literal { text: written.to_owned(), kind }, rest))
}

/// Where the word `clear` begins, else the end.
fn before_clear(text: &str) -> usize {
    let mut after_blank = true;
    for (at, character) in text.char_indices() {
        if after_blank && text[at..].split_whitespace().next() == Some("clear") && text[at..].starts_with("clear") {
            return at;
        }
        after_blank = character.is_whitespace();
    }
    text.len()
}

/// Reads `"text"`; the text must begin with the quote.
fn quoted(text: &str) -> Result<(String, &str), Problem> {
    let mut value = String::new();
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match characters.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, escaped)) => value.push(escaped),
                None => value.push('\\'),
            },
            character => value.push(character),
        }
    }
    Err("a quote is not closed".to_owned())
}

fn one_line(text: &str) -> String {
    text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_read_is_written_again() {
        for text in [
            "latency > 300ms",
            "used[/var] >= 85% clear 83%",
            "used[/var/my dir] > 5GiB",
            "status == 200",
            "body.queue.depth < 10",
            "body.items[0].name ~ \"^a\\\\d+$\"",
            "body[\"odd key\"].x != null",
            "headers.content-type !~ json",
            "len(body.items) == 0",
            "has(body.error) == true",
            "\"two words\" > 3",
            "version == 1.2.3",
        ] {
            let read = condition(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
            assert_eq!(read.to_string(), text);
        }
        assert_eq!(condition("has(body.error)").unwrap().to_string(), "has(body.error) == true");
        assert!(condition("used>85%clear").unwrap_err().contains("needs a number"));
        assert_eq!(condition(" up  <  1h 30m   clear  2h ").unwrap().to_string(), "up < 1h 30m clear 2h");
        assert_eq!(condition(r#"a ~ "\d+\"x""#).unwrap().value.text, r#"\d+"x"#);
    }

    #[test]
    fn errors_say_what_to_write() {
        for (text, part) in [
            ("", "a name is missing"),
            ("latency", "compares with nothing"),
            ("latency >", "a value is missing"),
            ("latency = 3", "write =="),
            ("latency => 3", "write >="),
            ("latency =~ x", "write ~"),
            ("latency >> 3", ">> is none of"),
            ("latency 300ms", "does not begin with one of"),
            ("latency > fast", "needs a number"),
            ("latency > 300 apples", "quotes"),
            ("used > 85% clear 86%", "must lie below"),
            ("free < 1GiB clear 512MiB", "must lie above"),
            ("used > 85% clear 3s", "different things"),
            ("used > 85% clear", "`clear` needs a value"),
            ("used > 85% clear 83% more", "quotes"),
            ("state == ok clear bad", "works with < <= > >= only"),
            ("state == \"ok\" nonsense", "left over"),
            ("body ~ (", "pattern is wrong"),
            ("body ~ \"(a{1000}){1000}\"", "pattern is wrong"),
            ("sum(body) > 3", "only len(...) and has(...)"),
            ("len(body > 3", "has no `)`"),
            ("a[ > 3", "no `]`"),
            ("a[] > 3", "nothing stands between"),
            ("a[99999999999999999999] > 3", "too large"),
            ("a == \"x", "quote is not closed"),
            ("has(a) == 3", "true or false"),
        ] {
            let problem = condition(text).expect_err(text);
            assert!(problem.contains(part), "{text}: {problem}");
        }
        assert!(condition(&"a".repeat(5000)).unwrap_err().contains("longer"));
        assert!(condition(&format!("a{} > 3", ".a".repeat(100))).unwrap_err().contains("deeper"));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}") {
            let _ = condition(&text);
        }

        #[test]
        fn never_panics_near_the_language(text in "(len\\(|has\\()?[a-z\"\\[\\].0-9 ]{0,10}\\)? ?(==|<|~|clear| |>=|\\\\){0,3} ?[a-z0-9%\" ]{0,10}( clear )?[0-9a-zé]{0,4}") {
            if let Ok(read) = condition(&text) {
                prop_assert_eq!(condition(&read.to_string()), Ok(read));
            }
        }
    }
}
