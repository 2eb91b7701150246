# A job that fails leaves what people read as it was before.
onstart:
    keeping.keep(targets(), keeping.folder_of(RESULTS))


onsuccess:
    keeping.forget(keeping.folder_of(RESULTS))


onerror:
    for path in keeping.restore(targets(), keeping.folder_of(RESULTS)):
        # what the failed job was to read is not what this file was made of
        workflow.persistence.cleanup_metadata(str(path))
        print(f"{path} is as it was before", file=sys.stderr)
