"""The pictures a run is made from: named, each with a role and a size."""
