"""The safeguards of the order path, as text that can be taken out of the source, and a copy of the checkout to take it out of.

No switch stands in the code itself: what is deployed cannot be told to leave a safeguard out.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent

EXECUTION = "shared/execution/src/"
LEDGER = "shared/cloud/src/ledger/"

# (safeguard, file, what stands there, what takes its place, tests that are to notice: cargo test arguments)
SAFEGUARDS = [
    ("terminal proof after a cancel", EXECUTION + "ladder.rs",
     "if !view.is_settled(rung.quantity()) {", "if tries == 0 && !view.is_settled(rung.quantity()) {", ["-p", "gamma-execution"]),
    ("terminal proof: fills that do not add up", EXECUTION + "ports/broker.rs",
     "OrderStatus::Filled => self.filled == quantity,", "OrderStatus::Filled => true,", ["-p", "gamma-execution"]),
    ("SENDING before POST", EXECUTION + "worker/orders.rs",
     "self.persist(async || ledger.put_sending(&lease, &rung).await).await {", "Ok::<_, crate::ports::LedgerError>(PutOutcome::Ours) {",
     ["-p", "gamma-execution"]),
    ("an unknown outcome is never sent again", EXECUTION + "ladder.rs",
     "            PlaceReply::Unknown(reason) => self.unknown(now, rung, reason),",
     "            PlaceReply::Unknown(_) => self.on_posted(now, rung, PlaceReply::NotPlaced(NotPlaced::Unauthorized)),", ["-p", "gamma-execution"]),
    ("fence: the run heeds it", EXECUTION + "worker/orders.rs",
     "            Ok(PutOutcome::Ours) => {}\n", "            Ok(_) => {}\n", ["-p", "gamma-execution"]),
    ("fence: the ledger holds every write to it", LEDGER + "lease.rs",
     '"#run_id = :run_id AND #fence = :fence AND #expires_ms > :zero"',
     '"(#run_id = :run_id OR #fence = :fence OR #fence <> :fence) AND #expires_ms > :zero"', ["-p", "gamma-cloud", "--test", "all", "ledger::"]),
    ("lease: it outlives a POST", EXECUTION + "worker/lease.rs",
     "    pub(super) async fn outlives_a_post(&self) -> Result<(), WorkError> {\n",
     "    pub(super) async fn outlives_a_post(&self) -> Result<(), WorkError> {\n        if self.lease.is_some() {\n            return Ok(());\n        }\n",
     ["-p", "gamma-execution"]),
    ("lease: renewed while the run works", EXECUTION + "worker/lease.rs",
     "fn half(&self) -> SignedDuration {", "fn half(&self) -> SignedDuration {\n        if self.scope.execution.lease_seconds > 0 {\n            return SignedDuration::ZERO;\n        }",
     ["-p", "gamma-execution"]),
    ("cancels before anything that may stall", EXECUTION + "worker/work.rs",
     "            self.tell_all(sides, &Event::Time).await;\n            let (renewed,", "            let _ = self.renew().await;\n            self.tell_all(sides, &Event::Time).await;\n            let (renewed,",
     ["-p", "gamma-execution", "--test", "all", "trouble::"]),
    ("verified remainder: of its own fills", EXECUTION + "ladder.rs",
     "        let quantity = intent.quantity - self.filled;", "        let quantity = intent.quantity;", ["-p", "gamma-execution"]),
    ("verified remainder: fills are folded in", EXECUTION + "ladder.rs",
     "        self.filled += view.filled;", "        self.filled += view.filled * 0;", ["-p", "gamma-execution"]),
    ("recovery first", EXECUTION + "run.rs",
     "let recovered = self.worker.recover(day).await?;",
     "let recovered: Option<Vec<recovery::Standing>> = if matches!(self.request.task, Task::Trade { .. }) { None } else { self.worker.recover(day).await? };", ["-p", "gamma-execution"]),
    ("day record: the run reads it", EXECUTION + "run.rs",
     ".filter(|record| record.sending) else", ".filter(|record| record.sending && self.now() < self.report.started) else", ["-p", "gamma-execution"]),
    ("day record: the ledger opens it once", LEDGER + "day.rs",
     'OR (#sending = :no AND #fence < :fence)"', 'OR #sending = :no OR #fence < :fence"', ["-p", "gamma-cloud", "--test", "all", "ledger::"]),
    ("revisions: only after one without fills", LEDGER + "intent.rs",
     '"attribute_not_exists(#pk) OR (#state = :terminal AND #filled = :zero)"', '"attribute_not_exists(#pk) OR #state = :terminal OR #filled >= :zero"',
     ["-p", "gamma-cloud", "--test", "all", "ledger::"]),
    ("own writes recognised: rungs", LEDGER + "rung.rs",
     "Ok(if standing == *meant {", "Ok(if standing == *meant && standing.number == 0 {", ["-p", "gamma-cloud", "--test", "all", "ledger::"]),
    ("own writes recognised: the lease", LEDGER + "lease.rs",
     "Ok(if standing.writer.run_id == run_id {", "Ok(if standing.writer.run_id == run_id && run_id.is_empty() {", ["-p", "gamma-cloud", "--test", "all", "ledger::"]),
    ("a foreign order is never adopted: ids seen before", EXECUTION + "fingerprint.rs",
     "        if self.seen.contains(&order.id) {\n            return Err", "        if self.seen.contains(&order.id) && order.id.0.is_empty() {\n            return Err", ["-p", "gamma-execution"]),
    ("a foreign order is never adopted: the tag", EXECUTION + "fingerprint.rs",
     "Self::Tag(ours) => order.tag.as_deref() == Some(ours),", "Self::Tag(ours) => !ours.is_empty() || order.tag.is_none(),",
     ["-p", "gamma-execution"]),
    ("never_accepted only with unchanged positions", EXECUTION + "recovery.rs",
     "        if held + filled != now {", "        if held + filled != now && held == i64::MAX {", ["-p", "gamma-execution"]),
    ("halt is read at every rung", EXECUTION + "worker/lease.rs",
     "            Ok(Controls { halted: Some(reason), .. }) => StopReason::Halted(reason),",
     "            Ok(Controls { halted: Some(reason), .. }) if reason.is_empty() => StopReason::Halted(reason),", ["-p", "gamma-execution"]),
    ("halt is read again before a resend", EXECUTION + "worker/lease.rs",
     "        if self.now().duration_since(self.permitted.get()) > PERMITTED_FOR {", "        if self.now().duration_since(self.permitted.get()) > PERMITTED_FOR * 999 {", ["-p", "gamma-execution"]),
    ("an operator decides only after the trade date", EXECUTION + "run/resolve.rs",
     "        if !self.worker.is_closed() {", "        if !self.worker.is_closed() && asked.by.is_empty() {", ["-p", "gamma-execution"]),
    ("a foreign order is never adopted: entered too late", EXECUTION + "fingerprint.rs",
     "earliest <= entered && entered <= latest", "earliest <= entered && (entered <= latest || entered > latest)", ["-p", "gamma-execution"]),
    ("identity: an order that an answer names is ours only when it shows that", EXECUTION + "worker/orders.rs",
     "            Ok(view) => match self.is_ours(side, &view) {", "            Ok(view) => match self.is_ours(side, &view).or_else(|_| Ok::<(), String>(())) {", ["-p", "gamma-execution"]),
    ("identity: an answer that names an order of before", EXECUTION + "worker/orders.rs",
     "        if rung.seen.contains(id) {", "        if rung.seen.contains(id) && id.0.is_empty() {", ["-p", "gamma-execution"]),
    ("working orders of earlier days are foreign", EXECUTION + "worker/reads.rs",
     "orders: recovery::merged(orders, working.orders)", "orders: recovery::merged(orders, Vec::new())", ["-p", "gamma-execution"]),
    ("our own orders are never foreign", EXECUTION + "worker/reads.rs",
     "!order.status.is_terminal() && !self.ours.contains(&order.id)", "!order.status.is_terminal() && (!self.ours.contains(&order.id) || !order.id.0.is_empty())", ["-p", "gamma-execution"]),
    ("incomplete books are asked for again", EXECUTION + "worker/reads.rs",
     "            if !goes_on {\n", "            if !goes_on || priced < packages.len() {\n", ["-p", "gamma-execution"]),
    ("quotes: no price from a halted, old or wide leg", EXECUTION + "quotes.rs",
     "        if let Some(fault) = leg_fault(symbol, book.get(&symbol), now, profile) {",
     "        if let Some(fault) = leg_fault(symbol, book.get(&symbol), now, profile).filter(|fault| matches!(fault, QuoteFault::Missing { .. } | QuoteFault::NotTwoSided { .. })) {",
     ["-p", "gamma-execution"]),
    ("over is believed at two equal reads", EXECUTION + "ladder.rs",
     "        if view.filled < rung.quantity() && again < self.settings.prove_by {", "        if view.filled < rung.quantity() && again < self.settings.prove_by && again < now {", ["-p", "gamma-execution"]),
    ("an edited order stops its side", EXECUTION + "worker/orders.rs",
     "            Ok(orders) => match recovery::successors(id, orders).first() {", "            Ok(orders) => match recovery::successors(id, orders).first().filter(|by| by.0.is_empty()) {", ["-p", "gamma-execution"]),
    ("the last look of the sweep", EXECUTION + "run/sweep.rs",
     "        if !self.worker.is_closed() {\n            return Ok(ended);", "        if !self.worker.is_closed() || day.day.is_some() {\n            return Ok(ended);", ["-p", "gamma-execution"]),
    ("recovery looks until trading ends", EXECUTION + "worker/recover.rs",
     "                if !pass.again || self.now() >= look_until {", "                if !pass.again || self.now() >= look_until || look_until > Timestamp::MIN {", ["-p", "gamma-execution"]),
    ("a mark of unknown fate leaves the intent open", EXECUTION + "worker/records.rs",
     "        if !side.unsure.is_empty() {", "        if side.unsure.len() > 99 {", ["-p", "gamma-execution"]),
    ("deadline: no rung that cannot be confirmed", EXECUTION + "schedule.rs",
     "slot.checked_sub(confirm)?", "slot.checked_sub(confirm * 0)?", ["-p", "gamma-execution"]),
    ("envelope: no price beyond it", EXECUTION + "approval.rs",
     "Effect::Credit if price < intent.worst_price =>", "Effect::Credit if price < intent.worst_price && price.is_negative() =>", ["-p", "gamma-execution"]),
    ("closing: no more than is held", EXECUTION + "approval.rs",
     "                if held < wanted {", "                if held < wanted && quantity == 0 {", ["-p", "gamma-execution"]),
    ("closing: what the broker still shows is not closed again", EXECUTION + "approval.rs",
     "there(shown).min(there(expected))", "there(shown).min(there(expected).max(there(shown)))", ["-p", "gamma-execution"]),
    ("closing: what it covered is counted", EXECUTION + "approval.rs",
     "    if !closes_anything(intent) {", "    if !closes_anything(intent) || intent.quantity > 0 {", ["-p", "gamma-execution"]),
    ("closing: no short is left without its long", EXECUTION + "approval.rs",
     "        if bare > bare_before {", "        if bare > bare_before && bare == i64::MAX {", ["-p", "gamma-execution"]),
    ("token lock", EXECUTION + "tokens.rs",
     "        let locked = self.take_turn(otherwise).await;", "        let locked = !otherwise.is_empty();", ["-p", "gamma-execution"]),
    ("token version check", EXECUTION + "tokens/write.rs",
     "Ok(newest.filter(|document| self.newness(document) > self.newness(ours)))",
     "Ok(newest.filter(|document| self.newness(document) > self.newness(ours) && self.name.is_empty()))",
     ["-p", "gamma-execution"]),
    ("live needs the deployment's parameter", EXECUTION + "run.rs",
     "let live = !dry_run && request.deployment_live;", "let live = !dry_run;", ["-p", "gamma-execution"]),
    ("the signal is of today", "shared/strategy/src/signal.rs", "newest != trade_date", "newest > trade_date", ["-p", "gamma-strategy", "-p", "gamma-execution"]),
    ("one-sided completion is an outcome", EXECUTION + "report.rs",
     "} else if filled < counted.len() {", "} else if filled > counted.len() {", ["-p", "gamma-execution"]),
]


def called(words):
    """The safeguards with all of these words in their names."""
    return [safeguard for safeguard in SAFEGUARDS if all(word.lower() in safeguard[0].lower() for word in words)]


@contextlib.contextmanager
def copy():
    """The last commit, checked out in target/safeguards: at one place, so that a safeguard less means two or three crates built anew."""
    folder = TOP / "target" / "safeguards"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        checkout = folder / "checkout"
        if not (checkout / ".git").exists():
            shutil.rmtree(checkout, ignore_errors=True)
            git("clone", "--quiet", str(TOP), str(checkout))
        head = git("rev-parse", "HEAD", cwd=TOP).strip()
        git("fetch", "--quiet", str(TOP), head, cwd=checkout)
        git("reset", "--quiet", "--hard", head, cwd=checkout)
        begin_with_what_is_built(folder)
        yield checkout


def git(*words, cwd=None):
    return subprocess.run(["git", *words], cwd=cwd, check=True, capture_output=True, text=True).stdout


def begin_with_what_is_built(folder):
    """Other people's crates need not be built again: they are the same wherever the checkout lies. Ours are left out, because cargo tells
    two checkouts of them apart by their target folder only."""
    built, begun = Path(os.environ.get("CARGO_TARGET_DIR", TOP / "target")) / "debug", folder / "debug"
    if begun.exists() or not built.exists():
        return
    for part in ("deps", "build", ".fingerprint"):
        for path in (built / part).rglob("*"):
            inside = path.relative_to(built)
            library = part != "deps" or path.suffix in (".rlib", ".rmeta", ".so", ".d")
            if "gamma" in str(inside) or not library or path.is_dir():
                continue
            target = begun / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            if part == ".fingerprint":
                shutil.copy2(path, target)  # cargo writes over these
            else:
                os.link(path, target)


def environment():
    """What cargo is started with in the copy."""
    made = dict(os.environ, CARGO_TARGET_DIR=str(TOP / "target" / "safeguards"), RUST_BACKTRACE="0", PROPTEST_DISABLE_FAILURE_PERSISTENCE="1")
    made.setdefault("GAMMA_MOTO_SERVER", str(TOP / ".venv" / "bin" / "moto_server"))
    return made


@contextlib.contextmanager
def without(checkout, safeguard):
    """The copy without one safeguard; gives what is wrong when its code is not there, or not once."""
    _, file, stands, instead, _ = safeguard
    path = checkout / file
    text = path.read_text()
    if text.count(stands) != 1:
        yield f"found {text.count(stands)} times in {file}, expected once"
        return
    path.write_text(text.replace(stands, instead))
    try:
        yield None
    finally:
        path.write_text(text)
