//! Keeper, monitor, or both are killed at each moment of a restart: while the service is asked to stop, when it begins, when it listens,
//! and when it is asked for the first time whether it works.

use rustix::process::Signal;

use super::{LOCK, end, is_alive, json, kill, playground, starts, until_ready, until_seen};

/// A web server that kills at the moment, and whom, that the file `kills` says, once.
const SERVER: &str = r#"
import http.server, os, signal, sys, time
import lock
def moment(name):
    try:
        words = open("kills").read().split()
    except FileNotFoundError:
        return
    if words[:1] == [name]:
        os.remove("kills")
        for victim in words[1:]:
            os.kill(os.getppid() if victim == "keeper" else int(open("monitor").read()), signal.SIGKILL)
def stop(*_):
    moment("stop")
    os.remove("hang")
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        moment("answer")
        while os.path.exists("hang"):
            time.sleep(0.05)
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
open("starts", "a").write(f"{os.getpid()}\n")
moment("start")
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
moment("listen")
while True:
    server.handle_request()
"#;

#[test]
fn keeper_and_monitor_may_be_killed_at_each_moment_of_a_restart() {
    let play = playground("max_per_hour = 3600\nlongest_pause = \"200ms\"\n");
    std::fs::write(play.path("lock.py"), LOCK).unwrap();
    std::fs::write(play.path("server.py"), SERVER).unwrap();
    let mut monitor = play.up();
    for moment in ["stop", "start", "listen", "answer"] {
        for victims in ["keeper", "monitor", "keeper monitor"] {
            until_ready(&play);
            let round = format!("{moment} {victims}");
            let before = starts(&play).len();
            std::fs::write(play.path("monitor"), monitor.pid().to_string()).unwrap();
            std::fs::write(play.path("kills"), &round).unwrap();
            if moment == "stop" {
                // What hangs is restarted; what was killed has nothing left to stop.
                std::fs::write(play.path("hang"), "").unwrap();
            } else {
                kill(*starts(&play).last().unwrap());
            }
            until_seen(&monitor, || !play.path("kills").exists());
            if victims.contains("monitor") {
                monitor.end(Signal::KILL);
                monitor = play.up();
            }
            until_seen(&monitor, || starts(&play).len() > before);
            until_ready(&play);
            let over = || {
                let incidents = json(&play, &["incidents", "list"]);
                incidents.as_array().is_some_and(|all| all.iter().all(|one| one["state"] == "resolved"))
            };
            until_seen(&monitor, over);
            assert!(!play.path("twice").exists(), "{round}: there were two at once\n{}", monitor.log());
            let alive: Vec<i32> = starts(&play).into_iter().filter(|pid| is_alive(*pid)).collect();
            assert_eq!(alive.len(), 1, "{round}: {alive:?}");
        }
    }
    assert_eq!(play.run(&["audit", "verify"]).code, 0);
    end(monitor, &play);
}
