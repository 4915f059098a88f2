//! That no number of the paper is typed by hand. What looks like a number in its prose must be one of these:
//!
//! - part of a word that begins with a letter (`e3-ffi-abort`, `T_0`), or one of [`NAMES`];
//! - with two points in it: a chapter of the thesis, or a version;
//! - a length (`8.2cm`, `1fr`): how something looks;
//! - 0 or 1 in a formula.
//!
//! Files that only compute have numbers, but may print none: the same holds within their strings and contents, where
//! a ratio (`100%`) is a length, too. References are not looked at.

/// Names that have a number as a part of its own.
const NAMES: [&str; 1] = ["CVE-2023-43898"];
/// How pages, headings and formulas are numbered.
const NUMBERINGS: [&str; 3] = ["\"1\"", "\"1.1\"", "\"(1)\""];
const UNITS: [&str; 5] = ["em", "cm", "pt", "mm", "fr"];

/// What a source consists of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Prose,
    Code,
}

/// The numbers that were typed, each with its line.
fn typed(text: &str, source: Source) -> Vec<(usize, String)> {
    let mut found = vec![];
    // How many `[` are open, and whether it is in a formula: both last for more than a line.
    let (mut depth, mut formula) = (0, false);
    for (n, line) in text.lines().enumerate() {
        let line = without_exceptions(line, source);
        let chars: Vec<char> = line.chars().collect();
        let (mut at, mut string) = (0, false);
        while at < chars.len() {
            let c = chars[at];
            let told = source == Source::Prose || string || depth > 0;
            match c {
                '\\' => at += 1,
                '"' => string = !string,
                '$' if !string => formula = !formula,
                '[' if !string => depth += 1,
                ']' if !string => depth -= 1,
                _ if c.is_alphabetic() => at += word(&chars[at..]) - 1,
                _ if c.is_ascii_digit() => {
                    let (number, rest) = number(&chars[at..]);
                    at += number.len() - 1;
                    if told && !fits(&number, rest, formula, source) {
                        found.push((n + 1, number));
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
    found
}

/// The line without its comment, and without what is excepted by name.
fn without_exceptions(line: &str, source: Source) -> String {
    let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
    let line = comment.map_or(line, |(at, _)| &line[..at]).to_owned();
    let line = NAMES.iter().fold(line, |line, name| line.replace(name, ""));
    match source {
        Source::Prose => line,
        Source::Code => NUMBERINGS.iter().fold(line, |line, one| line.replace(one, "")),
    }
}

/// How long the word is that begins here.
fn word(chars: &[char]) -> usize {
    chars.iter().take_while(|c| c.is_alphanumeric() || **c == '_').count()
}

/// The number that begins here, and what follows it.
fn number(chars: &[char]) -> (String, &[char]) {
    let inner = |at: usize| {
        let point = matches!(chars[at], '.' | ',');
        point && chars.get(at + 1).is_some_and(char::is_ascii_digit)
    };
    let end = (0..chars.len()).find(|at| !chars[*at].is_ascii_digit() && !inner(*at));
    let (number, rest) = chars.split_at(end.unwrap_or(chars.len()));
    (number.iter().collect(), rest)
}

fn fits(number: &str, rest: &[char], formula: bool, source: Source) -> bool {
    let unit: String = rest.iter().take_while(|c| c.is_alphanumeric()).collect();
    let ratio = source == Source::Code && rest.first() == Some(&'%');
    number.matches('.').count() == 2
        || UNITS.contains(&&*unit)
        || ratio
        || formula && matches!(number, "0" | "1")
}

#[test]
fn no_number_in_the_paper_is_typed_by_hand() {
    let mut broken = vec![];
    for (name, text) in super::SOURCES.iter().filter(|(name, _)| name.ends_with(".typ")) {
        let code = ["numbers.typ", "tables.typ", "layout.typ"].contains(name);
        let source = if code { Source::Code } else { Source::Prose };
        let numbers = typed(text, source);
        broken.extend(numbers.iter().map(|(line, number)| format!("{name}:{line}: {number}")));
    }
    assert!(broken.is_empty(), "read these from the results instead:\n{}", broken.join("\n"));
}

#[test]
fn a_planted_number_is_found_wherever_it_stands() {
    for planted in [
        "okiagari brought back 341 of 341 tiles",
        "a coverage of 0.99",
        "lost 7,222 tiles",
        "95% of them",
        "in 5 ms",
        "in #text[12] runs",
        "$ x = 2 $ or so",
        "_1_ tile", // in a formula it would be fine
        "it is $p$, so 0 were lost",
        "some-12 runs",
        "(3–4)",
        "#(\"17\")",
        "a https://example.org/ of 9",
        "10ms",
    ] {
        assert!(!typed(planted, Source::Prose).is_empty(), "{planted}");
        assert!(!typed(&format!("text\n{planted}\ntext"), Source::Prose).is_empty(), "{planted}");
    }
    for planted in ["let x = \"12 tiles\"", "[of 256]", "let f(x) = [#x of\n7 tiles]", "[95 %]"] {
        assert!(!typed(planted, Source::Code).is_empty(), "{planted}");
    }
}

#[test]
fn what_is_no_number_of_the_results_is_left_alone() {
    for fine in [
        "the thesis's chapter 4.3.1, version 0.2.4",
        "#experiment(e1)[ @e1-table: #count(e3, \"okiagari\", \"M5\") ]",
        "#drawing(e3, \"phases\", tall: 8.2cm, wide: 1.4fr)",
        "$ max(0, 1 - T_0\n / T_(0, S)) $",
        "CVE-2023-43898 in stb_image",
        "text // with 12 in a comment",
        "BLAKE3, UTF8",
    ] {
        assert_eq!(typed(fine, Source::Prose), [], "{fine}");
    }
    for fine in
        ["x * 1e3 + 12", "set page(numbering: \"1\")", "block(width: 86%)[#block(below: 0.9em)]"]
    {
        assert_eq!(typed(fine, Source::Code), [], "{fine}");
    }
}
