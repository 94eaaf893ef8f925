package soak

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// cluster is a Kafka of scripts/kafka.sh in a folder of its own. To each instance every broker has a listener of its own,
// behind a proxy: what the instance learns of the cluster leads through it, so that one instance can be cut off.
type cluster struct {
	script  string
	env     []string
	nodes   int
	direct  string               // bootstrap servers without a proxy
	proxies [][]*toxiproxy.Proxy // of each instance, by node
}

// freePort is a port below the range that the system gives to clients, so that it is still free after a restart.
func freePort(t *testing.T, taken map[int]bool) int {
	t.Helper()
	for port := 12000 + os.Getpid()%4000; port < 20000; port++ {
		if taken[port] {
			continue
		}
		taken[port] = true
		if l, err := net.Listen("tcp", address(port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

func address(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

// startCluster makes a cluster, starts it with one more listener an instance, and ends it with the test.
func startCluster(t *testing.T, dir string, nodes, instances int, ports map[int]bool) *cluster {
	t.Helper()
	c := &cluster{script: filepath.Join(moduleDir(t), "scripts", "kafka.sh"), nodes: nodes,
		env: append(os.Environ(), "KAFKA_DATA="+dir, "KAFKA_NODES="+strconv.Itoa(nodes))}
	t.Cleanup(func() {
		if err := c.run(context.Background(), "kill"); err != nil {
			t.Error(err)
		}
	})
	// The first start makes the files of properties, to which the listeners are added, and, of one node, an archive of its
	// classes. A broker that is away for long leaves little to find: so its start is made as quick as can be.
	plain, classes := c.env, filepath.Join(dir, "classes.jsa")
	if nodes == 1 {
		c.env = append(plain, "JAVA_TOOL_OPTIONS=-XX:TieredStopAtLevel=1 -XX:ArchiveClassesAtExit="+classes)
	}
	if err := cmp.Or(c.start(t.Context()), c.run(t.Context(), "stop")); err != nil {
		t.Fatal(err)
	}
	c.env = append(plain, "JAVA_TOOL_OPTIONS=-XX:TieredStopAtLevel=1 -XX:SharedArchiveFile="+classes)
	c.proxies = make([][]*toxiproxy.Proxy, instances)
	zerolog.SetGlobalLevel(zerolog.Disabled) // a toxic tells every step to standard error
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	for node := 1; node <= nodes; node++ {
		c.addListeners(t, filepath.Join(dir, fmt.Sprintf("node%d", node), "server.properties"), server, instances, ports)
	}
	c.direct = c.direct[1:]
	if err := c.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// addListeners gives a node a listener an instance, and the proxy before it.
func (c *cluster) addListeners(t *testing.T, file string, server *toxiproxy.ApiServer, instances int, ports map[int]bool) {
	t.Helper()
	listeners, err := property(file, "listeners")
	if err != nil {
		t.Fatal(err)
	}
	advertised, _, _ := strings.Cut(listeners, ",")
	c.direct += "," + strings.TrimPrefix(advertised, "PLAINTEXT://")
	protocols := "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"
	for i := range instances {
		name, behind, before := fmt.Sprint("TO", i+1), address(freePort(t, ports)), address(freePort(t, ports))
		listeners += "," + name + "://" + behind
		advertised += "," + name + "://" + before
		protocols += "," + name + ":PLAINTEXT"
		p := toxiproxy.NewProxy(server, name, before, behind)
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Stop)
		c.proxies[i] = append(c.proxies[i], p)
	}
	if err := appendTo(file, fmt.Sprintf("listeners=%s\nadvertised.listeners=%s\nlistener.security.protocol.map=%s\n"+
		"group.min.session.timeout.ms=1000\n", listeners, advertised, protocols)); err != nil {
		t.Fatal(err)
	}
}

// behindProxies are the bootstrap servers of an instance.
func (c *cluster) behindProxies(instance int) string {
	var all []string
	for _, p := range c.proxies[instance] {
		all = append(all, p.Listen)
	}
	return strings.Join(all, ",")
}

// start starts the nodes that do not run. The script may believe that a node died which has only just been launched, so it
// is asked again.
func (c *cluster) start(ctx context.Context) (err error) {
	for range 3 {
		if err = c.run(ctx, "start"); err == nil {
			return nil
		}
	}
	return err
}

// run runs the script.
func (c *cluster) run(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "bash", append([]string{c.script}, args...)...)
	cmd.Env = c.env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("kafka.sh %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// property is the last value of a key in a file of properties.
func property(file, key string) (value string, err error) {
	b, err := os.ReadFile(file)
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, key+"="); ok {
			value = strings.TrimSpace(v)
		}
	}
	if err == nil && value == "" {
		err = errors.New("no " + key + " in " + file)
	}
	return value, err
}

func appendTo(file, text string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// moduleDir is the folder of the module that is under test.
func moduleDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
