"""Queues: activities that came in and go out, deliveries, other servers, jobs."""
