//! The events that are offered and their fields, in the server's own order (docs/reference/dxlink.md,
//! Events).

/// A type of event that is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EventType {
    Quote,
    Trade,
    Summary,
    Greeks,
    Profile,
}

impl EventType {
    pub(super) fn of(name: &str) -> Option<Self> {
        [Self::Quote, Self::Trade, Self::Summary, Self::Greeks, Self::Profile]
            .into_iter()
            .find(|kind| kind.name() == name)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Quote => "Quote",
            Self::Trade => "Trade",
            Self::Summary => "Summary",
            Self::Greeks => "Greeks",
            Self::Profile => "Profile",
        }
    }

    pub(super) const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Quote => QUOTE,
            Self::Trade => TRADE,
            Self::Summary => SUMMARY,
            Self::Greeks => GREEKS,
            Self::Profile => PROFILE,
        }
    }
}

const QUOTE: &[&str] = &[
    "eventType",
    "eventSymbol",
    "eventTime",
    "sequence",
    "timeNanoPart",
    "bidTime",
    "bidExchangeCode",
    "bidPrice",
    "bidSize",
    "askTime",
    "askExchangeCode",
    "askPrice",
    "askSize",
];

const TRADE: &[&str] = &[
    "eventType",
    "eventSymbol",
    "eventTime",
    "time",
    "timeNanoPart",
    "sequence",
    "exchangeCode",
    "price",
    "change",
    "size",
    "dayId",
    "dayVolume",
    "dayTurnover",
    "tickDirection",
    "extendedTradingHours",
];

const SUMMARY: &[&str] = &[
    "eventType",
    "eventSymbol",
    "eventTime",
    "dayId",
    "dayOpenPrice",
    "dayHighPrice",
    "dayLowPrice",
    "dayClosePrice",
    "dayClosePriceType",
    "prevDayId",
    "prevDayClosePrice",
    "prevDayClosePriceType",
    "prevDayVolume",
    "openInterest",
];

const GREEKS: &[&str] = &[
    "eventType",
    "eventSymbol",
    "eventTime",
    "eventFlags",
    "index",
    "time",
    "sequence",
    "price",
    "volatility",
    "delta",
    "gamma",
    "theta",
    "rho",
    "vega",
];

const PROFILE: &[&str] = &[
    "eventType",
    "eventSymbol",
    "eventTime",
    "description",
    "shortSaleRestriction",
    "tradingStatus",
    "statusReason",
    "haltStartTime",
    "haltEndTime",
    "highLimitPrice",
    "lowLimitPrice",
    "high52WeekPrice",
    "low52WeekPrice",
    "beta",
    "earningsPerShare",
    "dividendFrequency",
    "exDividendAmount",
    "exDividendDayId",
    "shares",
    "freeFloat",
];
