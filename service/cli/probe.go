package cli

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/towpath/towpath/service/config"
)

// probePatience bounds a probe; whoever calls it often gives less.
const probePatience = 3 * time.Second

// newProbe is for places where the image is all there is: it has no shell and no curl.
func newProbe() *cobra.Command {
	return &cobra.Command{
		Use:   "probe [URL]",
		Short: "Ask a running service whether it is ready",
		Long: `Probe sends GET to the URL, by default to /readyz of a service on this machine with
this environment. It fails unless the answer is 2xx within 3 s.`,
		Example: `  service probe
  service probe http://service.towpath-prod/readyz`,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := cobra.MaximumNArgs(1)(cmd, args); err != nil {
				return usageError{err}
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				return probe(args[0])
			}
			cfg, err := config.Load(os.LookupEnv)
			if err != nil {
				return err
			}
			host := cfg.Host
			if host == "" {
				host = "localhost"
			}
			return probe("http://" + net.JoinHostPort(host, fmt.Sprint(cfg.Port)) + "/readyz")
		},
	}
}

func probe(url string) error {
	client := http.Client{Timeout: probePatience}
	answer, err := client.Get(url)
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		body, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
		return fmt.Errorf("probe: %s answers %s: %s", url, answer.Status, body)
	}
	return nil
}
