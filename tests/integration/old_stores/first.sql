CREATE TABLE change (
	id VARCHAR NOT NULL,
	site VARCHAR NOT NULL,
	device VARCHAR NOT NULL,
	scope TEXT NOT NULL,
	edit TEXT NOT NULL,
	prior TEXT NOT NULL,
	cause VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	deadline_utc BIGINT NOT NULL,
	boot_id VARCHAR NOT NULL,
	deadline_boottime_us BIGINT NOT NULL,
	actor TEXT NOT NULL,
	drill BOOLEAN NOT NULL,
	event_id VARCHAR,
	undo_of VARCHAR,
	baseline TEXT,
	reason TEXT NOT NULL,
	silent_s FLOAT NOT NULL,
	verdict VARCHAR,
	attempts INTEGER NOT NULL,
	rollback_to TEXT,
	extended BOOLEAN NOT NULL,
	created_utc BIGINT NOT NULL,
	acked TEXT,
	token_sha256 VARCHAR,
	rev INTEGER NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (token_sha256)
);
CREATE INDEX ix_change_created_utc ON change (created_utc);
CREATE INDEX ix_change_state ON change (state);
CREATE TABLE nop (
	site VARCHAR NOT NULL,
	mhz20 INTEGER NOT NULL,
	by_radio VARCHAR NOT NULL,
	until_utc BIGINT NOT NULL,
	boot_id VARCHAR NOT NULL,
	until_boottime_us BIGINT NOT NULL,
	PRIMARY KEY (site, mhz20, by_radio)
);
CREATE TABLE event (
	id VARCHAR NOT NULL,
	site VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	"key" VARCHAR NOT NULL,
	radio VARCHAR,
	severity VARCHAR NOT NULL,
	confidence_ppm INTEGER NOT NULL,
	raised_utc BIGINT NOT NULL,
	cleared_utc BIGINT,
	drill BOOLEAN NOT NULL,
	evidence TEXT NOT NULL,
	PRIMARY KEY (id)
);
CREATE INDEX ix_event_raised_utc ON event (raised_utc);
CREATE UNIQUE INDEX event_open ON event (site, kind, "key") WHERE cleared_utc IS NULL;
CREATE TABLE pause (
	scope VARCHAR NOT NULL,
	actor TEXT NOT NULL,
	since_utc BIGINT NOT NULL,
	until_utc BIGINT,
	PRIMARY KEY (scope)
);
CREATE TABLE outbox (
	seq BIGINT NOT NULL,
	record TEXT NOT NULL,
	mac VARCHAR,
	file VARCHAR,
	PRIMARY KEY (seq)
);
CREATE INDEX outbox_unwritten ON outbox (seq) WHERE mac IS NULL;
CREATE TABLE lease (
	site VARCHAR NOT NULL,
	holder VARCHAR NOT NULL,
	epoch BIGINT NOT NULL,
	until_utc BIGINT NOT NULL,
	PRIMARY KEY (site)
);
CREATE TABLE meta (
	"key" VARCHAR NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY ("key")
);
CREATE TABLE change_member (
	change_id VARCHAR NOT NULL,
	radio VARCHAR NOT NULL,
	PRIMARY KEY (change_id, radio),
	FOREIGN KEY(change_id) REFERENCES change (id)
);
CREATE INDEX ix_change_member_radio ON change_member (radio);
CREATE TABLE open_member (
	radio VARCHAR NOT NULL,
	change_id VARCHAR NOT NULL,
	PRIMARY KEY (radio),
	FOREIGN KEY(change_id) REFERENCES change (id)
);
CREATE INDEX ix_open_member_change_id ON open_member (change_id);
CREATE TABLE token (
	sha256 VARCHAR NOT NULL,
	change_id VARCHAR NOT NULL,
	expires_utc BIGINT NOT NULL,
	boot_id VARCHAR NOT NULL,
	expires_boottime_us BIGINT NOT NULL,
	used_utc BIGINT,
	PRIMARY KEY (sha256),
	UNIQUE (change_id),
	FOREIGN KEY(change_id) REFERENCES change (id)
);
