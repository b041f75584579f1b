-- Taking back a mute of a thread needs only one's own row: so it keeps by which post it was said.
ALTER TABLE thread_mutes ADD COLUMN post INTEGER;
