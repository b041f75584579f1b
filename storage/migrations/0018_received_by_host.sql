-- What came in is carried out host by host, so that one which sent much hides nothing of another's.
CREATE INDEX received_of_host ON received (host, due, id) WHERE state = 'due';
