package main

// configCommand is `touchfold config`.
type configCommand struct {
	Check  configCheckCommand  `cmd:"" help:"Write the configuration that run would have with these flags, or all that is wrong with it."`
	Schema configSchemaCommand `cmd:"" help:"Write the JSON Schema of the configuration, for editors."`
}

type configCheckCommand struct {
	runOptions
}

// Help is the rest of -h.
func (configCheckCommand) Help() string {
	return "What is written is a complete file, each key with its meaning, unit and default. " +
		"Faults are written as file:line:column to standard error, all at once, and the exit code is then 2."
}

// Run writes the effective configuration.
func (c configCheckCommand) Run(out output) error {
	effective, err := c.load()
	if err != nil {
		return err
	}
	return effective.WriteYAML(out.out)
}
