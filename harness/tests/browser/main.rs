//! The pages in a real browser, from made-up results: what they show, where they lead, keys, and a narrow screen.
//!
//! Without a Chromium on the machine these tests say so and pass, unless `OKIAGARI_BROWSER=required` is set.

mod chromium;
#[path = "../command/made_up.rs"]
mod made_up;

use chromium::Browser;
use harness::report::overview;
use made_up::made_up;
use std::path::{Path, PathBuf};

/// A folder of results with a page over all, and a browser to look at them.
struct Site {
    browser: Browser,
    dir: tempfile::TempDir,
}

impl Site {
    /// `None`, and a word, where there is no browser.
    fn made() -> Option<Self> {
        let Some(program) = chromium::found() else {
            let required = std::env::var_os("OKIAGARI_BROWSER").is_some_and(|v| v == "required");
            assert!(!required, "there is no Chromium on this machine; apt-get install chromium");
            eprintln!("there is no Chromium on this machine: the pages are not tested in one");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        let results = dir.path().join("results");
        std::fs::create_dir(&results).unwrap();
        // First, so that the pages lead back to it.
        overview::write(&results, &[]).unwrap();
        for name in ["e2-process-shutdown", "e3-ffi-abort"] {
            made_up(&results, name, Some(6));
        }
        let folders = overview::drawn(&results).unwrap();
        let all: Vec<_> = folders.iter().map(|f| overview::Folder::read(f).unwrap()).collect();
        overview::write(&results, &all).unwrap();
        Some(Self { browser: Browser::start(&program, dir.path()), dir })
    }

    fn pages(&self) -> [PathBuf; 2] {
        ["index.html", "e3-ffi-abort/index.html"]
            .map(|page| self.dir.path().join("results").join(page))
    }

    /// Nothing went wrong on the page that is open, and nothing but files of this folder was asked for.
    fn is_well(&mut self) {
        for event in &self.browser.events {
            let method = event["method"].as_str().unwrap_or_default();
            let told = ["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"];
            assert!(!told.contains(&method), "{event}");
            if method == "Network.requestWillBeSent" {
                let url = event["params"]["request"]["url"].as_str().unwrap();
                assert!(url.starts_with("file://") || url.starts_with("data:"), "{url}");
            }
        }
    }
}

#[test]
fn pages_show_verdicts_figures_and_numbers_and_lead_to_what_is_there() {
    let Some(mut site) = Site::made() else { return };
    for (page, [verdicts, figures, rows]) in site.pages().into_iter().zip([[1, 2, 8], [10, 4, 200]])
    {
        site.browser.open(&page, 1280, 900);
        let count = |browser: &mut Browser, what: &str| {
            browser.value(&format!("document.querySelectorAll({what:?}).length")).as_u64().unwrap()
        };
        let browser = &mut site.browser;
        assert!(count(browser, ".badge") >= verdicts, "{page:?}");
        assert!(count(browser, "main svg") >= figures, "{page:?}");
        assert!(count(browser, "tbody tr") >= rows, "{page:?}");
        let first = browser.value("document.querySelector('h2').textContent");
        assert!(first == "What was found" || first == "Verdicts", "{first}");
        let empty = "[...document.querySelectorAll('main svg')].filter(s => !s.getBoundingClientRect().width).length";
        assert_eq!(browser.value(empty), 0);
        leads_somewhere(browser, &page);
        site.is_well();
    }
}

/// Every link of the page that is open leads to a file, or to a place on it.
fn leads_somewhere(browser: &mut Browser, page: &Path) {
    let links = browser.value("[...document.links].map(a => a.getAttribute('href'))");
    let links = links.as_array().unwrap();
    assert!(links.len() > 5, "{links:?}");
    for link in links.iter().map(|link| link.as_str().unwrap()) {
        let there = page.parent().unwrap().join(link);
        // Results that claims are about may be absent; then there is no link.
        assert!(there.is_file(), "{} leads to {link}, which is not there", page.display());
    }
}

#[test]
fn everything_can_be_done_with_keys() {
    let Some(mut site) = Site::made() else { return };
    let [_, page] = site.pages();
    site.browser.open(&page, 1280, 900);
    let browser = &mut site.browser;
    // A heading sorts: up with Enter, down with a space.
    let table = "document.querySelector('#numbers').parentElement.querySelector('table')";
    browser.value(&format!("{table}.closest('details').open = true"));
    browser.value(&format!("{table}.tHead.rows[0].cells[5].querySelector('button').focus()"));
    let order = format!("[...{table}.tBodies[0].rows].map(r => Number(r.cells[5].dataset.value))");
    for (key, word) in [("Enter", "ascending"), (" ", "descending")] {
        browser.press(key);
        let numbers = browser.value(&order);
        let numbers: Vec<_> =
            numbers.as_array().unwrap().iter().filter_map(serde_json::Value::as_f64).collect();
        let sorted = match word {
            "ascending" => numbers.is_sorted(),
            _ => numbers.iter().rev().is_sorted(),
        };
        assert!(numbers.len() > 100 && numbers.first() != numbers.last() && sorted, "{numbers:?}");
        assert_eq!(browser.value(&format!("{table}.tHead.rows[0].cells[5].ariaSort")), word);
    }
    // What has the focus is seen to have it.
    let outline = "getComputedStyle(document.activeElement).outlineStyle";
    assert_eq!(browser.value(outline), "solid");
    // One subject alone.
    let shown = "[...document.querySelectorAll('.filtered tbody tr')].filter(r => !r.hidden).map(r => r.cells[0].textContent)";
    let all = browser.value(shown).as_array().unwrap().len();
    browser.value(
        "{ const s = document.querySelector('.filter select'); s.value = 'okiagari'; s.dispatchEvent(new Event('change')) }",
    );
    let few = browser.value(shown);
    let few = few.as_array().unwrap();
    assert!(
        !few.is_empty() && few.len() < all && few.iter().all(|name| name == "okiagari"),
        "{few:?}"
    );
    // A figure opens with Enter, has the focus, closes with Escape, and gives the focus back.
    browser.value("document.querySelector('figure .zoom').focus()");
    browser.press("Enter");
    assert_eq!(browser.value("document.querySelector('dialog').open"), true);
    assert_eq!(browser.value("document.querySelectorAll('dialog svg').length"), 1);
    assert_eq!(browser.value("document.activeElement.textContent"), "Close");
    browser.press("Escape");
    assert_eq!(browser.value("document.querySelector('dialog').open"), false);
    assert_eq!(browser.value("document.activeElement.className"), "zoom");
    site.is_well();
}

#[test]
fn on_a_narrow_screen_only_tables_scroll_sideways() {
    let Some(mut site) = Site::made() else { return };
    for page in site.pages() {
        site.browser.open(&page, 390, 844);
        let browser = &mut site.browser;
        browser.value("document.querySelectorAll('details').forEach(d => d.open = true)");
        assert_eq!(browser.value("innerWidth"), 390);
        let width = browser.value("document.documentElement.scrollWidth");
        assert!(width.as_u64().unwrap() <= 390, "{} is {width} wide", page.display());
        // The table is wider than its box, so it was worth a test.
        let wide = "[...document.querySelectorAll('.wide')].some(box => box.scrollWidth > box.clientWidth)";
        assert_eq!(browser.value(wide), true);
        site.is_well();
    }
}
