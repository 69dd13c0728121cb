"""Starting twinstream on one machine: embedded servers, processes, the sandbox and the demo."""
