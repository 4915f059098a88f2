//! A headless Chromium, spoken to in its own protocol (DevTools, through a pipe): keys are keys, clicks are clicks.

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// Longer than it ever takes; who waits so long waits in vain.
const PATIENCE: Duration = Duration::from_secs(20);

/// The browser of this machine, if there is one.
pub(crate) fn found() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let places = || std::env::split_paths(&path);
    NAMES.iter().find_map(|name| places().map(|p| p.join(name)).find(|p| p.is_file()))
}

/// A browser with one open page. It ends with this, and with it all of its processes.
pub(crate) struct Browser {
    child: Child,
    to: File,
    from: Receiver<Value>,
    session: Value,
    asked: u64,
    /// What it told without being asked, since the last page was opened.
    pub(crate) events: Vec<Value>,
}

impl Browser {
    /// Starts one whose profile and pipes lie in this folder.
    pub(crate) fn start(program: &Path, dir: &Path) -> Self {
        let fifos = ["to", "from"].map(|name| dir.join(name));
        let made = Command::new("mkfifo").args(&fifos).status();
        assert!(made.expect("mkfifo is part of every system").success());
        // It speaks on descriptors 3 and 4.
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$@\" 3<to 4>from", "sh"]).arg(program).args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-dev-shm-usage",
            "--remote-debugging-pipe",
            "--user-data-dir=profile",
        ]);
        command.current_dir(dir).env("HOME", dir).process_group(0);
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.expect("a shell is part of every system");
        // Opening waits for the other side, in the order in which the shell opens them.
        let to = OpenOptions::new().write(true).open(&fifos[0]).unwrap();
        let answers = BufReader::new(File::open(&fifos[1]).unwrap());
        let (heard, from) = sync_channel(1000);
        std::thread::spawn(move || {
            for message in answers.split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).unwrap();
                if heard.send(message).is_err() {
                    break;
                }
            }
        });
        let mut browser =
            Self { child, to, from, session: Value::Null, asked: 0, events: Vec::new() };
        let target = browser.ask("Target.createTarget", &json!({"url": "about:blank"}));
        let target = json!({"targetId": target["targetId"], "flatten": true});
        browser.session = browser.ask("Target.attachToTarget", &target)["sessionId"].clone();
        for domain in ["Runtime", "Log", "Network", "Page"] {
            browser.ask(&format!("{domain}.enable"), &json!({}));
        }
        browser
    }

    /// Opens a file in a window of this size, and waits until it is loaded.
    pub(crate) fn open(&mut self, page: &Path, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.ask("Emulation.setDeviceMetricsOverride", &size);
        self.events.clear();
        let at = self.ask("Page.navigate", &json!({"url": format!("file://{}", page.display())}));
        assert!(at.get("errorText").is_none(), "{at}");
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.hear();
            self.events.push(event);
        }
    }

    /// What an expression of JavaScript comes to.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let found =
            self.ask("Runtime.evaluate", &json!({"expression": expression, "returnByValue": true}));
        assert!(found.get("exceptionDetails").is_none(), "{expression}: {found}");
        found["result"]["value"].clone()
    }

    /// Presses a key and lets it go.
    pub(crate) fn press(&mut self, key: &str) {
        let (number, text) = match key {
            "Enter" => (13, "\r"),
            " " => (32, " "),
            "Tab" => (9, ""),
            "Escape" => (27, ""),
            _ => panic!("{key} is on no keyboard of this test"),
        };
        for kind in ["keyDown", "keyUp"] {
            let kind = if text.is_empty() && kind == "keyDown" { "rawKeyDown" } else { kind };
            let mut event = json!({"type": kind, "key": key, "windowsVirtualKeyCode": number});
            if !text.is_empty() && kind == "keyDown" {
                event["text"] = text.into();
            }
            self.ask("Input.dispatchKeyEvent", &event);
        }
    }

    /// Sends a command, and waits for its answer.
    fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        self.asked += 1;
        let mut command = json!({"id": self.asked, "method": method, "params": parameters});
        if !self.session.is_null() {
            command["sessionId"] = self.session.clone();
        }
        self.to.write_all(format!("{command}\0").as_bytes()).unwrap();
        loop {
            let heard = self.hear();
            if heard["id"] == self.asked {
                assert!(heard.get("error").is_none(), "{method}: {heard}");
                return heard["result"].clone();
            }
            self.events.push(heard);
        }
    }

    fn hear(&self) -> Value {
        self.from.recv_timeout(PATIENCE).expect("the browser says nothing any more")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The group is its own: nobody else is in it.
        if let Some(group) = Pid::from_raw(self.child.id() as i32) {
            kill_process_group(group, Signal::KILL).ok();
        }
        self.child.wait().ok();
    }
}
