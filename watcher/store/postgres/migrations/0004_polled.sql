-- Who plans reads what all have polled, as soon as it has ended.
CREATE INDEX requests_by_end ON requests (source, ended_at);
