//! What every simulated service stands on, asked over its own wire. One program, so that it is linked once.

mod time;
