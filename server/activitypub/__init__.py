"""Documents for other servers, and the addresses by which they find us."""
