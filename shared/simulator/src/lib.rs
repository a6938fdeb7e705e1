//! A market on real chains with faces that speak each service's wire, virtual time, a Lambda host.
