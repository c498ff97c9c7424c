"""The studies that come with the package, a module each: STUDY, and ORDER, where it stands."""
