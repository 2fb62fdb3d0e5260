-- An event tells why the extraction pauses, also where the cause changes while it does.
DROP TRIGGER extraction_changed;
CREATE TRIGGER extraction_changed AFTER UPDATE OF run_state, pause_reason ON extraction
WHEN OLD.run_state <> NEW.run_state OR NEW.run_state = 'paused' AND OLD.pause_reason IS NOT NEW.pause_reason BEGIN
    INSERT INTO events (at, subject, subject_id, from_state, to_state, reason)
    VALUES (strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'), 'extraction', 1, OLD.run_state, NEW.run_state,
            CASE NEW.run_state WHEN 'paused' THEN coalesce(NEW.pause_reason, '') ELSE '' END);
END;
