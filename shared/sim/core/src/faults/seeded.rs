//! Faults by chance.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;

use super::{Fault, Route, When};
use crate::random::{Stream, between, stream_at};
use crate::requests::Service;

/// Draws for each request of a kind by its number, from a stream of that kind's own.
#[derive(Debug)]
pub(super) struct Seeded {
    seed: u64,
    per_mille: u32,
    /// Kinds of requests seen, with how many there were.
    seen: Vec<(Service, Route, u64)>,
}

impl Seeded {
    pub(super) const fn new(seed: u64, per_mille: u32) -> Self {
        Self { seed, per_mille, seen: Vec::new() }
    }

    pub(super) fn draw(&mut self, service: Service, route: &Route) -> Option<Fault> {
        let number = self.count(service, route);
        let mut random = stream_at(self.seed, Stream::Faults(stream_of(service, route)), number);
        let struck = between(&mut random, 1, 1000) <= i64::from(self.per_mille);
        struck.then(|| one_of(faults_of(service, route, &mut random), &mut random))?
    }

    fn count(&mut self, service: Service, route: &Route) -> u64 {
        if let Some((.., count)) = self.seen.iter_mut().find(|(of, seen, _)| *of == service && seen == route)
        {
            *count += 1;
            return *count;
        }
        self.seen.push((service, route.clone(), 0));
        0
    }
}

/// A number that depends on service and route alone, not on which came first.
fn stream_of(service: Service, route: &Route) -> u32 {
    // What the kinds of both brokers are told apart by; without a word for the first, the seeds kept from its
    // time stay what they were.
    let broker = if service == Service::Tastytrade { "Tastytrade " } else { "" };
    format!("{broker}{route:?}")
        .bytes()
        .fold(0_u32, |number, byte| number.wrapping_mul(131).wrapping_add(byte.into()))
}

fn one_of(mut faults: Vec<Fault>, random: &mut ChaCha8Rng) -> Option<Fault> {
    let last = i64::try_from(faults.len()).ok()? - 1;
    let at = usize::try_from(between(random, 0, last.max(0))).ok()?;
    (at < faults.len()).then(|| faults.swap_remove(at))
}

/// What may happen to a request of this kind.
fn faults_of(service: Service, route: &Route, random: &mut ChaCha8Rng) -> Vec<Fault> {
    let mut small = |high: u32| u32::try_from(between(random, 1, high.into())).unwrap_or(1);
    let (packages, seconds) = (small(4), Duration::from_secs(small(3).into()));
    let mut faults = vec![
        Fault::Latency(Duration::from_millis(small(20).into())),
        Fault::ServerError(503, When::BeforeEffect),
        Fault::Dropped(When::BeforeEffect),
        Fault::Refused(seconds),
    ];
    if service == Service::Aws {
        faults.push(Fault::Throttled);
    } else {
        let retry_after = [None, Some(1)][usize::from(packages > 2)];
        faults.extend([Fault::TooManyRequests { retry_after }, Fault::Unauthorized, Fault::EdgePage]);
    }
    let takes_effect = matches!(
        route,
        Route::PlaceOrder
            | Route::ReplaceOrder
            | Route::CancelOrder
            | Route::Token
            | Route::SheetsToken
            | Route::SheetsWrite
            | Route::Aws(_)
    );
    if takes_effect {
        faults.extend([Fault::ServerError(500, When::AfterEffect), Fault::Dropped(When::AfterEffect)]);
    }
    if service == Service::Tastytrade {
        faults.extend(of_tastytrade_alone(route, seconds, packages));
    }
    faults.extend(match route {
        Route::PlaceOrder => vec![
            Fault::NoLocation,
            Fault::Location("https://api.schwabapi.com/trader/v1/accounts/none/orders/".to_owned()),
            Fault::HiddenFor(seconds),
            Fault::Rejected("Rejected by the fault plan.".to_owned()),
            Fault::PartFill(packages),
        ],
        Route::CancelOrder => {
            vec![Fault::FilledFirst, Fault::FillsDuringCancel(packages), Fault::FillsDuringCancel(u32::MAX)]
        }
        Route::ReadOrder => vec![
            Fault::StaleOrders(seconds),
            Fault::StatusShown("AWAITING_SOMETHING_NEW".to_owned()),
            Fault::PartFill(packages),
        ],
        Route::ListOrders => vec![Fault::StaleOrders(seconds), Fault::PartFill(packages)],
        Route::Account if service == Service::Tastytrade => vec![Fault::AccessTokenDies],
        Route::Account => vec![Fault::LaggingPositions(seconds * 10), Fault::AccessTokenDies],
        Route::Quotes | Route::SheetsRead | Route::SheetsWrite => vec![Fault::AccessTokenDies],
        Route::Signal => vec![Fault::LateSignal(seconds), Fault::NewestFirst],
        _ => Vec::new(),
    });
    faults
}

fn of_tastytrade_alone(route: &Route, seconds: Duration, packages: u32) -> Vec<Fault> {
    let gateway = Fault::ServerError(502, When::BeforeEffect);
    match route {
        Route::ReadOrder | Route::ListOrders => {
            vec![gateway, Fault::FillsLate(seconds), Fault::FillsTwice, Fault::NothingRemains]
        }
        Route::ReplaceOrder => vec![
            Fault::NoLocation,
            Fault::HiddenFor(seconds),
            Fault::FilledFirst,
            Fault::FillsDuringCancel(packages),
        ],
        Route::Positions => vec![Fault::LaggingPositions(seconds * 10)],
        Route::Token => vec![gateway, Fault::SpuriousRefusal],
        Route::Quotes | Route::Chain => vec![gateway],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: [Route; 7] = [
        Route::PlaceOrder,
        Route::CancelOrder,
        Route::ReadOrder,
        Route::Account,
        Route::Signal,
        Route::Token,
        Route::ReplaceOrder,
    ];
    const GOOGLE: [Route; 3] = [Route::SheetsToken, Route::SheetsRead, Route::SheetsWrite];
    const TASTYTRADE: [Route; 3] = [Route::Positions, Route::ListOrders, Route::Quotes];

    #[test]
    fn whatever_is_drawn_fits_its_route() {
        let aws = Route::aws("DynamoDB.PutItem");
        let mut drawn = 0;
        let of = |service: Service| {
            ROUTES.iter().map(move |route| {
                (if *route == Route::Signal { Service::GammaWizard } else { service }, route)
            })
        };
        for (service, route) in of(Service::Schwab)
            .chain(of(Service::Tastytrade))
            .chain(TASTYTRADE.iter().map(|route| (Service::Tastytrade, route)))
            .chain(GOOGLE.iter().map(|route| (Service::Google, route)))
            .chain([(Service::Aws, &aws)])
        {
            let mut seeded = Seeded::new(5, 1000);
            for fault in (0..200).filter_map(|_| seeded.draw(service, route)) {
                assert!(fault.fits(service, route), "{fault:?} on {route:?}");
                drawn += 1;
            }
        }
        assert_eq!(drawn, 4200, "a rate of a thousand strikes every request");
    }

    #[test]
    fn other_routes_in_between_shift_nothing() {
        let alone: Vec<_> = {
            let mut seeded = Seeded::new(9, 300);
            (0..50).map(|_| seeded.draw(Service::Schwab, &Route::PlaceOrder)).collect()
        };
        let mut seeded = Seeded::new(9, 300);
        let among: Vec<_> = (0..50)
            .map(|_| {
                let _ =
                    ROUTES[1..].iter().map(|route| seeded.draw(Service::Schwab, route)).collect::<Vec<_>>();
                let _ = seeded.draw(Service::Tastytrade, &Route::PlaceOrder);
                seeded.draw(Service::Schwab, &Route::PlaceOrder)
            })
            .collect();
        assert_eq!(alone, among);
        assert!((5..30).contains(&alone.iter().flatten().count()), "about three in ten: {alone:?}");
        let mut other = Seeded::new(10, 300);
        assert_ne!(
            alone,
            (0..50).map(|_| other.draw(Service::Schwab, &Route::PlaceOrder)).collect::<Vec<_>>()
        );
    }
}
