//! `berth catalog`: what ships with the program, with its sources.
