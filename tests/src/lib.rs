//! End to end: the local stack that the demo and the tests share, the arrow test, regressions.
