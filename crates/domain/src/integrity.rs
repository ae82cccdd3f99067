//! How whole a wedding's captured data is: a score from 0 to 100 with its parts and the issues found (product row B5).
