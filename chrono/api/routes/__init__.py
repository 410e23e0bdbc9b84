"""The operations of the API, a file per subject. Each file gives its list to `app.create_app`."""
