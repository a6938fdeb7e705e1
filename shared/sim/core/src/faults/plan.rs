//! Which requests are struck.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::Method;
use jiff::Timestamp;

use super::seeded::Seeded;
use super::{Fault, Route, Stage, When};
use crate::requests::Service;

/// Which requests fail, and how. Clones are the same plan; it may be changed while the simulation runs.
///
/// Several rules may strike one request, each in its way. Of those that decide the answer only the first
/// does; when it keeps the request from taking effect, nothing happens that needs the effect. A rule whose
/// fault finds nothing to act on (a fill of an order that is over) is not used up by that request, and
/// nothing is recorded.
#[derive(Debug, Clone, Default)]
pub struct FaultPlan(Arc<Mutex<State>>);

/// A fault for some requests: once, on the first that fits, unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    route: Route,
    fault: Option<Fault>,
    after: u32,
    times: u32,
    from: Timestamp,
    until: Timestamp,
    service: Option<Service>,
    account: Option<String>,
}

/// A fault that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// What happened.
    pub fault: Fault,
    /// Whose request it was.
    pub service: Service,
    /// The kind of request it happened to.
    pub route: Route,
    /// The request's method.
    pub method: String,
    /// Its path, without the query.
    pub path: String,
    /// Virtual time at which the request came.
    pub at: Timestamp,
}

impl Rule {
    /// A rule for requests of `route`. It does nothing before [`Rule::fault`] says what.
    #[must_use]
    pub const fn on(route: Route) -> Self {
        Self {
            route,
            fault: None,
            after: 0,
            times: 1,
            from: Timestamp::MIN,
            until: Timestamp::MAX,
            service: None,
            account: None,
        }
    }

    /// Lets `requests` that fit pass first.
    #[must_use]
    pub const fn after(mut self, requests: u32) -> Self {
        self.after = requests;
        self
    }

    /// Strikes so many requests, not only one.
    #[must_use]
    pub const fn times(mut self, requests: u32) -> Self {
        self.times = requests;
        self
    }

    /// Strikes every request that fits.
    #[must_use]
    pub const fn always(self) -> Self {
        self.times(u32::MAX)
    }

    /// Only requests at this virtual time or later fit.
    #[must_use]
    pub const fn from(mut self, at: Timestamp) -> Self {
        self.from = at;
        self
    }

    /// Only requests before this virtual time fit.
    #[must_use]
    pub const fn until(mut self, at: Timestamp) -> Self {
        self.until = at;
        self
    }

    /// Only requests of this service fit. Kinds of requests that two brokers have fit both without it.
    #[must_use]
    pub const fn at(mut self, service: Service) -> Self {
        self.service = Some(service);
        self
    }

    /// Only requests about the account with this number fit.
    #[must_use]
    pub fn account(mut self, number: &str) -> Self {
        self.account = Some(number.to_owned());
        self
    }

    /// What happens to them.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    fn holds(&self, request: &Request) -> bool {
        let fits = self.fault.as_ref().is_some_and(|fault| fault.fits(request.service, &request.route));
        let meant = self.service.is_none_or(|service| service == request.service)
            && self.account.as_ref().is_none_or(|_| self.account == request.account);
        fits && meant
            && self.route.holds(request.service, &request.route)
            && self.from <= request.at
            && request.at < self.until
    }
}

/// A request as the plan sees it.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which service it is for.
    pub service: Service,
    /// What it asks for.
    pub route: Route,
    /// `GET`, `POST`, ….
    pub method: Method,
    /// The path without its query, as it came.
    pub path: String,
    /// The number of the account the path names.
    pub account: Option<String>,
    /// Virtual time at which it arrived.
    pub at: Timestamp,
}

/// A fault that is to happen to a request.
#[derive(Debug, Clone)]
pub(crate) struct Strike {
    id: u64,
    pub(crate) fault: Fault,
    pub(crate) stage: Stage,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Counted>,
    seeded: Option<Seeded>,
    fired: Vec<Record>,
    next_id: u64,
}

#[derive(Debug)]
struct Counted {
    id: u64,
    rule: Rule,
    seen: u32,
    struck: u32,
}

#[derive(Debug)]
struct Record {
    id: u64,
    rule: Option<u64>,
    fired: Fired,
}

impl FaultPlan {
    /// A plan with these rules.
    #[must_use]
    pub fn of(rules: impl IntoIterator<Item = Rule>) -> Self {
        let plan = Self::default();
        rules.into_iter().for_each(|rule| plan.add(rule));
        plan
    }

    /// A plan that strikes about `per_mille` of a thousand requests, each with a fault that makes sense for
    /// it. The n-th request of a kind meets the same fault whatever other kinds of requests come between, so
    /// the same seed and requests give the same faults. [`Fault::Hang`] is never drawn: it costs a client's
    /// whole timeout in real time.
    #[must_use]
    pub fn seeded(seed: u64, per_mille: u32) -> Self {
        let plan = Self::default();
        plan.lock().seeded = Some(Seeded::new(seed, per_mille));
        plan
    }

    /// Adds a rule; its counts begin now.
    pub fn add(&self, rule: Rule) {
        let mut state = self.lock();
        let id = state.new_id();
        state.rules.push(Counted { id, rule, seen: 0, struck: 0 });
    }

    /// Takes all rules back, and the seed. What happened stays on record.
    pub fn clear(&self) {
        let mut state = self.lock();
        state.rules.clear();
        state.seeded = None;
    }

    /// What happened so far, oldest first.
    #[must_use]
    pub fn fired(&self) -> Vec<Fired> {
        self.lock().fired.iter().map(|record| record.fired.clone()).collect()
    }

    /// The faults for one request, in the order of the rules. They count as having happened until they are
    /// [given back](FaultPlan::give_back).
    pub(crate) fn consult(&self, request: &Request) -> Vec<Strike> {
        let mut state = self.lock();
        let mut candidates = state.due_rules(request);
        let drawn = state.seeded.as_mut().and_then(|seeded| seeded.draw(request.service, &request.route));
        candidates.extend(drawn.map(|fault| (None, fault)));
        let stage = |fault: &Fault| fault.stage(&request.route);
        let decided = candidates.iter().position(|(_, fault)| matches!(stage(fault), Stage::Answer(_)));
        let answer = decided.and_then(|at| candidates.get(at)).map(|(_, fault)| stage(fault));
        let chosen = candidates.into_iter().enumerate().filter(|(at, (_, fault))| match stage(fault) {
            Stage::Delay | Stage::World => true,
            Stage::View => answer.is_none(),
            Stage::Accepted => answer != Some(Stage::Answer(When::BeforeEffect)),
            Stage::Answer(_) => decided == Some(*at),
        });
        let chosen: Vec<(Option<u64>, Fault)> = chosen.map(|(_, candidate)| candidate).collect();
        chosen.into_iter().map(|(rule, fault)| state.strike(rule, fault, request)).collect()
    }

    /// A fault that found nothing to act on.
    pub(crate) fn give_back(&self, strike: &Strike) {
        let mut state = self.lock();
        let Some(at) = state.fired.iter().position(|record| record.id == strike.id) else { return };
        let record = state.fired.remove(at);
        if let Some(counted) = state.rules.iter_mut().find(|counted| Some(counted.id) == record.rule) {
            counted.struck -= 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn due_rules(&mut self, request: &Request) -> Vec<(Option<u64>, Fault)> {
        let fitting = self.rules.iter_mut().filter(|counted| counted.rule.holds(request));
        let due = fitting.filter_map(|counted| {
            counted.seen = counted.seen.saturating_add(1);
            let due = counted.seen > counted.rule.after && counted.struck < counted.rule.times;
            counted.rule.fault.clone().filter(|_| due).map(|fault| (Some(counted.id), fault))
        });
        due.collect()
    }

    fn strike(&mut self, rule: Option<u64>, fault: Fault, request: &Request) -> Strike {
        let id = self.new_id();
        if let Some(counted) = self.rules.iter_mut().find(|counted| Some(counted.id) == rule) {
            counted.struck += 1;
        }
        let Request { service, route, method, path, account: _, at } = request.clone();
        let stage = fault.stage(&route);
        self.fired.push(Record {
            id,
            rule,
            fired: Fired { fault: fault.clone(), service, route, method: method.to_string(), path, at },
        });
        Strike { id, fault, stage }
    }
}
