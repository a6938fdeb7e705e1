//! Days as a ledger holds them, and spreadsheets as texts.

use std::collections::BTreeMap;

use gamma_execution::ports::{
    DayRecord, Fill, IntentKey, IntentRecord, IntentState, LoadedDay, OrderId, OrderStatus, RungRecord,
    RungState, Writer,
};
use gamma_execution::report::{Outcome, RunReport};
use gamma_execution::tokens::TokenSaved;
use gamma_market::{Effect, Price, Right, Vertical};
use gamma_sheets::grid::{Change, Workbook};
use gamma_sheets_log::{DayChanges, DayFacts, LogError, changes};
use gamma_strategy::constant_stable::{Decision, Direction, Plan, SidePlan, Structure};
use jiff::civil::Date;
use rust_decimal::Decimal;

/// One account's day.
#[derive(Clone, Debug)]
pub(crate) struct Day {
    pub(crate) account: &'static str,
    pub(crate) date: Date,
    pub(crate) expiry: Date,
    pub(crate) ledger: LoadedDay,
    pub(crate) reports: BTreeMap<String, serde_json::Value>,
    pub(crate) signal: BTreeMap<String, String>,
}

impl Day {
    pub(crate) fn new(account: &'static str, date: &str, expiry: &str) -> Self {
        let (date, expiry): (Date, Date) = (date.parse().unwrap(), expiry.parse().unwrap());
        let texts = [
            ("Date", date.to_string()),
            ("TDate", expiry.to_string()),
            ("SPX", "6950.25".to_owned()),
            ("VixOne", "0.20".to_owned()),
            ("Limit", "6900".to_owned()),
            ("CLimit", "7000".to_owned()),
            ("Put", "0.93".to_owned()),
            ("Call", "1.02".to_owned()),
            ("LeftGo", "-1".to_owned()),
            ("RightGo", "1".to_owned()),
        ];
        let signal = texts.into_iter().map(|(field, text)| (field.to_owned(), text)).collect();
        Self { account, date, expiry, ledger: LoadedDay::default(), reports: BTreeMap::new(), signal }
    }

    pub(crate) fn spx(mut self, spx: &str) -> Self {
        self.signal.insert("SPX".into(), spx.into());
        self
    }

    pub(crate) fn vertical(&self, right: Right, effect: Effect, inner: u32) -> Vertical {
        let outer = if right == Right::Put { inner - 5 } else { inner + 5 };
        let symbol = |strike: u32| {
            format!("SPXW{}{}{strike}", self.expiry.strftime("%y%m%d"), right.letter()).parse().unwrap()
        };
        let (sell, buy) = if effect == Effect::Credit { (inner, outer) } else { (outer, inner) };
        Vertical::new(symbol(sell), symbol(buy)).unwrap()
    }

    /// An intent of `quantity` at `inner`, and its rungs: limit, and (packages, price) of each fill; each
    /// rung is over.
    pub(crate) fn side(
        mut self,
        (right, effect, inner): (Right, Effect, u32),
        revision: u32,
        quantity: u32,
        rungs: &[(&str, &[(u32, &str)])],
    ) -> Self {
        let key = IntentKey { strategy: "constant_stable".into(), slot: right.into(), revision };
        let writer = Writer { run_id: format!("{}-{}-run", self.account, self.date), fence: 1 };
        let mut filled = 0;
        for (number, (limit, fills)) in (1..).zip(rungs) {
            let fills: Vec<Fill> = fills
                .iter()
                .map(|(quantity, price)| Fill { quantity: *quantity, price: points(price), at: None })
                .collect();
            let of_rung = fills.iter().map(|fill| fill.quantity).sum::<u32>();
            let order = OrderId(format!("{}{revision}{number}", if right == Right::Put { 1 } else { 2 }));
            let asked = quantity - filled;
            let status = if of_rung == asked { OrderStatus::Filled } else { OrderStatus::Canceled };
            filled += of_rung;
            let state = RungState::Terminal { order, status, filled: of_rung, fills };
            let at = format!("{}T21:13:4{number}Z", self.date).parse().unwrap();
            let nbbo =
                (points("0.90"), points("1.00"), points(if right == Right::Put { "0.95" } else { "1.00" }));
            self.ledger.rungs.push(RungRecord {
                intent: key.clone(),
                number,
                price: points(limit),
                quantity: asked,
                at,
                seen: vec![],
                writer: writer.clone(),
                state,
                nbbo,
            });
        }
        self.ledger.intents.push(IntentRecord {
            key,
            package: self.vertical(right, effect, inner).into(),
            effect,
            quantity,
            planned_sides: 2,
            decision_mid: points("0.95"),
            worst_price: points("0.65"),
            writer: writer.clone(),
            state: IntentState::Terminal,
            filled,
            held: BTreeMap::new(),
        });
        self.ledger.day = Some(DayRecord {
            account: self.account.into(),
            strategy: "constant_stable".into(),
            date: self.date,
            writer,
            state: gamma_execution::ports::DayState::Closed,
            sending: true,
            outcome: Some("filled".into()),
        });
        self
    }

    /// The report of the run that planned the newest revision, as the run writes it.
    pub(crate) fn reported(mut self) -> Self {
        let newest = self.ledger.intents.iter().map(|intent| intent.key.revision).max().unwrap_or_default();
        let run_id = self.ledger.intents[0].writer.run_id.clone();
        let sides = self.ledger.intents.iter().filter(|intent| intent.key.revision == newest).map(|intent| {
            SidePlan {
                side: intent.key.slot.right().expect("a side"),
                direction: if intent.effect == Effect::Credit { Direction::Short } else { Direction::Long },
                vertical: intent.package.as_vertical().expect("a vertical"),
                go: if intent.effect == Effect::Credit { -Decimal::ONE } else { Decimal::ONE },
                strength: Decimal::new(750, 3),
                feed_price: Some(points("0.93")),
                full_size: intent.quantity,
                target: intent.quantity,
                held: 0,
                decision: Decision::Trade { quantity: intent.quantity },
            }
        });
        let plan = Plan {
            trade_date: self.date,
            expiry: self.expiry,
            structure: Structure::RiskReversal,
            equity: Decimal::new(2_512_345, 2),
            unit_dollars: Decimal::from(10_000),
            units: 2,
            volatility_field: "VixOne".into(),
            volatility: Some(Decimal::new(200, 3)),
            bucket: 2,
            multiplier: 3,
            sides: sides.collect(),
        };
        let report = RunReport {
            task: "trade",
            status: Outcome::Filled.status(),
            outcome: Outcome::Filled,
            detail: String::new(),
            alarm: false,
            account: self.account.into(),
            run_id: run_id.clone(),
            trade_date: self.date,
            dry_run: false,
            gates: vec![],
            signal: BTreeMap::new(),
            plan: Some(plan),
            sides: vec![],
            cost_per_contract: Decimal::ZERO,
            token: TokenSaved::Unchanged,
            notes: vec![],
            started: format!("{}T21:13:05Z", self.date).parse().unwrap(),
            ended: format!("{}T21:14:05Z", self.date).parse().unwrap(),
            durations_ms: vec![],
        };
        self.reports.insert(run_id, serde_json::to_value(report).unwrap());
        self
    }

    /// The changes of a hand-off of the day.
    pub(crate) fn changes(&self, workbook: &Workbook) -> Result<Vec<Change>, LogError> {
        self.told(workbook).map(|told| told.changes)
    }

    /// The same, with what a person is told.
    pub(crate) fn told(&self, workbook: &Workbook) -> Result<DayChanges, LogError> {
        let cost_per_contract =
            if self.account == "schwab" { Decimal::new(97, 2) } else { Decimal::new(172, 2) };
        let Self { account, date, ledger: day, reports, signal, .. } = self;
        changes(workbook, &DayFacts { account, date: *date, day, reports, signal, cost_per_contract })
    }

    /// Hands the day off into `workbook`.
    pub(crate) fn hand_off_once(&self, workbook: &mut Workbook) {
        workbook.apply(&self.changes(workbook).unwrap()).unwrap();
    }

    /// Hands the day off into `workbook`, and shows that doing it again changes nothing.
    pub(crate) fn hand_off(&self, workbook: &mut Workbook) {
        self.hand_off_once(workbook);
        assert_eq!(self.changes(workbook).unwrap(), [], "a second hand-off has nothing to change");
    }
}

pub(crate) fn points(text: &str) -> Price {
    text.parse().unwrap()
}

/// Adds a tab of cells between `|`, a row a line.
pub(crate) fn add(workbook: &mut Workbook, title: &str, text: &str) {
    let cells: Vec<Vec<String>> =
        text.split('\n').map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect()).collect();
    let tab = Change::AddTab { title: title.into(), rows: 100, columns: 26 };
    workbook.apply(&[tab, Change::Write { tab: title.into(), row: 0, column: 0, cells }]).unwrap();
}

/// Rows of a table as texts by column name, those without the named columns left out.
pub(crate) fn table(workbook: &Workbook, title: &str) -> Vec<BTreeMap<String, String>> {
    let tab = &workbook.tabs[title];
    let names = &tab.cells[0];
    let row = |line: usize| {
        (0..names.len())
            .map(|at| (names[at].clone(), tab.cell(line, at).to_owned()))
            .filter(|(_, text)| !text.is_empty())
            .collect()
    };
    (1..tab.cells.len()).map(row).collect()
}

/// Named cells of a row, between blanks and bars.
pub(crate) fn shown(row: &BTreeMap<String, String>, columns: &str) -> String {
    columns
        .split_whitespace()
        .map(|name| row.get(name).map_or("", String::as_str))
        .collect::<Vec<_>>()
        .join(" | ")
}

/// A line of the summary, counted as people do.
pub(crate) fn summary(workbook: &Workbook, row: usize) -> String {
    workbook.tabs["CS_Summary"].cells.get(row - 1).map(|cells| cells.join("|")).unwrap_or_default()
}
