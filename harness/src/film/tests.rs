//! What a reader of the terminal sees, by table.

use super::*;
use crate::history::sample::{die, good, recover};

/// A film of a trial, from its symbols: digits are so many tiles, `x` a death on lane 0, `y` one on lane 1, `a` and `b`
/// their successors, `!` a fall of the subject that is started again.
fn film(items: u64, story: &str) -> Film {
    let (mut film, mut settled, mut restarts) = (Film::of(items), 0, 0);
    let event = |what, lane, value| Event { t_ns: 0, what, item: 0, attempt: 0, lane, value };
    let abort = Death::Signal(6).code();
    for part in story.split(' ') {
        let events = match part {
            "x" => vec![event(What::Died, 0, abort)],
            "y" => vec![event(What::Died, 1, abort)],
            "e" => vec![event(What::Died, 0, Death::Error.code())],
            "a" => vec![event(What::Ready, 0, 0)],
            "b" => vec![event(What::Ready, 1, 0)],
            "!" => vec![],
            tiles => vec![event(What::Done, 0, 0); tiles.parse().unwrap()],
        };
        restarts += u64::from(part == "!");
        settled += events.iter().filter(|e| e.what == What::Done).count() as u64;
        film.see(settled, restarts, &events);
    }
    film
}

#[test]
fn a_strip_shows_what_happened_in_its_order() {
    for (items, width, story, strip) in [
        (4, 20, "0", ""),
        (4, 20, "4", "...."),
        (4, 20, "1 x a 3", ".X^..."),
        // A successor is somebody's: workers that start at the beginning, or once more, are not risen.
        (4, 20, "a b 1 x b 1 a 2", ".X.^.."),
        (4, 20, "1 x y a b 3", ".XX^^..."),
        // An item that failed killed nobody, and one death that cost two items is one.
        (4, 20, "1 e 1 x x a 1", "..X^."),
        // The subject itself; whoever was being replaced is gone with it.
        (4, 20, "2 x ! a 2", "..XX^.."),
        // Forty tiles in twenty columns, then in eighteen: two deaths and two who rose take four.
        (40, 20, "40", "...................."),
        (40, 24, "20 x a 2 y b 18", "..........X^.X^........."),
        (40, 20, "20", ".........."),
        (40, 19, "20", "......."),
    ] {
        assert_eq!(film(items, story).strip(width), strip, "{items} in {width}: {story}");
    }
}

#[test]
fn a_strip_of_many_deaths_still_fits_and_shows_that_they_were() {
    let story = "10 ".to_owned() + &"1 x a 1 y b ".repeat(100) + "46";
    let film = film(256, &story);
    for width in 8..200 {
        let strip = film.strip(width);
        assert!(strip.len() <= width, "{width}: {strip}");
        assert!(strip.contains(".X^"), "{width}: {strip}");
    }
    assert_eq!(film.strip(26), ".X^.X^.X^.X^.X^.X^.X^.");
    // No count of tiles or columns is too small or too large.
    for (items, width) in [(0, 8), (1, 8), (u64::MAX, 8), (3, 4000)] {
        assert_eq!(Film::of(items).strip(width), "");
    }
}

#[test]
fn a_start_from_zero_does_its_tiles_again_and_leaves_room_for_them() {
    let mut film = film(32, "16");
    film.see(0, 1, &[]);
    assert_eq!(film.strip(52), "................X^");
    // 16 and 32 are 48 tiles, with the two marks just 50 columns.
    assert_eq!(film.strip(50).len(), 18);
    assert_eq!(film.strip(49).len(), 10, "in 49 columns a dot is two tiles");
}

#[test]
fn a_line_ends_in_what_came_of_the_trial() {
    let mut got_up = good(0, "okiagari", true, 16);
    recover(&mut got_up, 0, 3, 4_000_000);
    let mut fell = good(1, "baseline", true, 16);
    die(&mut fell, 4);
    let whole = good(2, "okiagari", false, 16);
    for (history, story, columns, line) in [
        (&got_up, "3 x a 13", 59, "okiagari ...X^............. recovered"),
        (&fell, "4 !", 60, "baseline ....X^ abort 5.20 ms"),
        (&whole, "16", 80, "okiagari ................ finished 21.0 ms"),
        (&whole, "16", 91, "okiagari ................ finished 16/16 21.0 ms"),
        (&fell, "4 !", 110, "baseline ....X^ abort 4/16 5.20 ms"),
        (
            &got_up,
            "3 x a 13",
            110,
            "okiagari ...X^............. recovered 16/16 21.0 ms back in 4.00 ms",
        ),
    ] {
        let (film, tail) = (film(16, story), Tail::over(history));
        let drawn = super::line(&history.run.subject, &film, &tail, columns, false);
        assert_eq!(drawn.split_whitespace().collect::<Vec<_>>().join(" "), line);
        assert!(drawn.chars().count() < columns, "{drawn}");
        let word = drawn.find(&*tail.word).unwrap();
        assert_eq!(word + tail.text(columns).len() + 1, columns, "words stand below each other");
        let painted = super::line(&history.run.subject, &film, &tail, columns, true);
        let code = if history.run.subject == "baseline" { RED } else { GREEN };
        assert!(painted.contains(&format!("{code}{}{PLAIN}", tail.word)), "{painted:?}");
        let bare = [RED, GREEN, PLAIN].iter().fold(painted, |text, code| text.replace(code, ""));
        assert_eq!(bare, drawn);
    }
    let tail = Tail::running(7, 16, 1_234_567);
    let drawn = super::line("okiagari", &film(16, "7"), &tail, 100, true);
    let parts: Vec<_> = drawn.split_whitespace().collect();
    assert_eq!(parts, ["okiagari", ".......", "7/16", "1.23", "ms"]);
}
