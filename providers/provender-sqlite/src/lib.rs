//! Online store on embedded SQLite, in Feast's layout
