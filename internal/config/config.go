// Package config is the pack's configuration: declared once, here, from which config.schema.yaml is generated, the defaults are
// filled in and a lab's values are checked.
//
// StackStorm hands an action its resolved configuration as one JSON text (docs/architecture.md, "Configuration").
// Every wait and interval is a number of seconds with a maximum, because the timeouts of actions are computed from the maxima.
package config

import (
	"encoding/json"
	"time"

	"stackstorm-laas/internal/secret"
)

// Config is the whole configuration. Tags: desc, default, min, max, enum, required; secret.String marks a secret.
type Config struct {
	FOG       FOG       `json:"fog" desc:"The FOG server that images hosts."`
	VPN       VPN       `json:"vpn" desc:"The LDAP directory that the VPN server authenticates against."`
	Bot       Bot       `json:"bot" desc:"Chat bot that is told about failures. Leave address empty for none."`
	Dashboard Dashboard `json:"dashboard" desc:"The LaaS dashboard that users book on."`
	SSH       SSH       `json:"ssh" desc:"How the lab logs in to its hosts."`
	Network   Network   `json:"network" desc:"VLANs and the switches' interfaces."`
	Imaging   Imaging   `json:"imaging" desc:"Deadlines of imaging and booting."`
	BMC       BMC       `json:"bmc" desc:"Baseboard management controllers."`
	Release   Release   `json:"release" desc:"What is done when a booking ends."`
	ST2       ST2       `json:"st2" desc:"StackStorm itself."`
	TLS       TLS       `json:"tls" desc:"Certificates of the servers the pack talks to."`
}

// FOG configures the imaging server.
type FOG struct {
	Address string        `json:"address" required:"true" desc:"Base URL of FOG, e.g. https://fog.lab.example/fog/"`
	APIKey  secret.String `json:"api_key" required:"true" desc:"FOG API token (FOG Configuration, API System)."`
	UserKey secret.String `json:"user_key" required:"true" desc:"FOG user API token (a user with the API enabled)."`
	Timeout Duration      `json:"timeout" default:"30" max:"120" desc:"Seconds one call to FOG may take."`
	Retry   Duration      `json:"retry" default:"60" max:"300" desc:"Seconds for which a call is repeated after time-outs and HTTP 5xx; 0 never repeats."`
}

// VPN configures the LDAP directory of VPN accounts.
type VPN struct {
	Server         string         `json:"server" desc:"LDAP server: host, host:port, or a URL ldap:// or ldaps://. Leave empty for a lab without VPN."`
	Authentication Authentication `json:"authentication" desc:"The account that may add and delete VPN accounts."`
	Directory      Directory      `json:"directory" desc:"Where VPN accounts are in the directory."`
	User           DirectoryUser  `json:"user" desc:"Shape of a VPN account."`
	Security       string         `json:"security" default:"starttls" enum:"starttls,ldaps,none" desc:"Transport security. none sends passwords in clear."`
	Timeout        Duration       `json:"timeout" default:"10" max:"60" desc:"Seconds one LDAP operation may take."`
	Retry          Duration       `json:"retry" default:"30" max:"300" desc:"Seconds for which connecting is repeated after time-outs; 0 never repeats."`
	HelpURL        string         `json:"help_url" desc:"Page that tells users how to connect; put into their message."`
}

// Authentication is the LDAP login of the lab.
type Authentication struct {
	User string        `json:"user" desc:"Bind DN, e.g. cn=laas,dc=lab,dc=example"`
	Pass secret.String `json:"pass" desc:"Its password."`
}

// Directory says where accounts are.
type Directory struct {
	Root string `json:"root" desc:"Base DN, e.g. dc=lab,dc=example"`
	User string `json:"user" desc:"Part of the DN between an account and the root, e.g. ou=people"`
}

// DirectoryUser says what an account is made of.
type DirectoryUser struct {
	Objects []string `json:"objects" default:"top,inetOrgPerson" desc:"Object classes of an account."`
}

// Bot configures the chat bot.
type Bot struct {
	Address   string       `json:"address" desc:"Base URL of the bot."`
	Endpoints BotEndpoints `json:"endpoints" desc:"Paths below the address."`
	Timeout   Duration     `json:"timeout" default:"10" max:"60" desc:"Seconds one call to the bot may take."`
}

// BotEndpoints are the bot's paths.
type BotEndpoints struct {
	Failure string `json:"failure" default:"failure" desc:"Path for failures: the bot gets a POST of JSON with job_id, execution_id and message."`
}

// Dashboard configures the booking dashboard.
type Dashboard struct {
	Address string        `json:"address" required:"true" desc:"URL of the dashboard, e.g. https://laas.example.org"`
	LabName string        `json:"lab_name" required:"true" desc:"Name of this lab on the dashboard."`
	Token   secret.String `json:"token" required:"true" desc:"The lab's API token. Usually \"{{ st2kv.system.lab_auth_token }}\"."`
	Timeout Duration      `json:"timeout" default:"10" max:"60" desc:"Seconds one call may take."`
	Retry   Duration      `json:"retry" default:"120" max:"600" desc:"Seconds for which a call is repeated after time-outs and HTTP 5xx; 0 never repeats."`
	Vanish  Duration      `json:"vanish_grace" default:"3600" max:"604800" desc:"Seconds after which a job that the dashboard no longer knows counts as ended."`
}

// SSH configures the login to hosts.
type SSH struct {
	User           string   `json:"user" default:"root" desc:"User of the lab in its images."`
	TenantUser     string   `json:"tenant_user" default:"opnfv" desc:"User that tenants log in as; made if the image has none."`
	PrivateKeyName string   `json:"private_key_name" default:"laas.secret.ssh.lab" desc:"Encrypted datastore key that holds the lab's private key (OpenSSH or PEM)."`
	PrivateKeyFile string   `json:"private_key_file" desc:"File with the lab's private key instead. Every StackStorm worker must be able to read it."`
	ConnectTimeout Duration `json:"connect_timeout" default:"10" max:"60" desc:"Seconds to connect and log in."`
	CommandTimeout Duration `json:"command_timeout" default:"120" max:"300" desc:"Seconds one command on a host may take."`
	ReadyTimeout   Duration `json:"ready_timeout" default:"300" max:"1800" desc:"Seconds within which a host must answer on its booked network."`
	NetworkGuard   Duration `json:"network_guard" default:"600" max:"3600" desc:"Seconds after its start on the booked network within which the lab must have reached a host; after that the host brings its former network back by itself. It is never less than ready_timeout; 0 for no guard."`
	ReadyInterval  Duration `json:"ready_interval" default:"5" max:"60" desc:"Seconds between two tries to reach a host."`
}

// Network configures switch ports.
type Network struct {
	ProvisioningVLAN int      `json:"provisioning_vlan" required:"true" min:"1" max:"4094" desc:"VLAN in which hosts are imaged and configured: FOG, DHCP and the StackStorm workers reach it."`
	PublicVLANs      []int    `json:"public_vlans" required:"true" desc:"VLANs through which booked hosts are reached from outside; they may be in several bookings at once."`
	ReservedVLANs    []int    `json:"reserved_vlans" desc:"VLANs that no tenant port may ever carry: management, BMCs, storage."`
	Idle             string   `json:"idle" default:"shutdown" enum:"shutdown,quarantine" desc:"What an unbooked port is: shut, or up in the quarantine VLAN."`
	QuarantineVLAN   int      `json:"quarantine_vlan" min:"1" max:"4094" desc:"VLAN of unbooked ports when idle is quarantine."`
	DarkVLAN         int      `json:"dark_vlan" min:"1" max:"4094" required:"true" desc:"Unused VLAN that untagged traffic of ports without a native VLAN falls into; no other port may carry it."`
	LabVLANs         string   `json:"lab_vlans" desc:"VLANs of the lab's own isolated networks (laas.network_create), e.g. 2000-2099; no booking may carry them. Empty for none."`
	CreateVLANs      bool     `json:"create_vlans" default:"true" desc:"Create a VLAN on a switch that lacks it when a port is to carry it."`
	RemoveVLANs      bool     `json:"remove_vlans" default:"false" desc:"Remove a VLAN that the pack created from a switch when no port of the pack carries it any more."`
	OnDrift          string   `json:"on_drift" default:"refuse" enum:"refuse,overwrite" desc:"What is done with a port that was changed by hand since the pack last wrote it: refuse to write it, or overwrite it."`
	MTU              int      `json:"mtu" min:"1280" max:"9216" desc:"MTU of a booked host's interfaces. Leave empty for what its system chooses. Its switch ports must pass it: switch_mtu."`
	SwitchMTU        int      `json:"switch_mtu" min:"1280" max:"9216" desc:"MTU of booked switch ports, no less than mtu. Many switches take only two: on a Nexus 7000 or 9000 the default, 1500, or the one of system jumbomtu, 9216. Leave empty for what the ports have."`
	Timeout          Duration `json:"timeout" default:"60" max:"180" desc:"Seconds one call to a switch may take. Some take half a minute to answer, and longer to save."`
	Retry            Duration `json:"retry" default:"60" max:"300" desc:"Seconds for which reading from a switch is repeated after time-outs and HTTP 5xx; 0 never repeats."`
}

// Imaging configures imaging.
type Imaging struct {
	CheckIn         Duration `json:"check_in" default:"1200" max:"3600" desc:"Seconds within which a host must have booted FOG and checked in."`
	Deadline        Duration `json:"deadline" default:"5400" max:"21600" desc:"Seconds one image may take to be written, after check-in."`
	CaptureDeadline Duration `json:"capture_deadline" default:"7200" max:"21600" desc:"Seconds one image may take to be captured, after check-in."`
	UpdateDeadline  Duration `json:"update_deadline" default:"3600" max:"14400" desc:"Seconds the update of a system may take (laas.update_image)."`
	SnapshotExpiry  int      `json:"snapshot_expiry" min:"0" max:"3650" desc:"Days after which a snapshot whose booking has ended is deleted from FOG. Leave empty to keep them all."`
	Boot            Duration `json:"boot" default:"1200" max:"3600" desc:"Seconds within which an imaged host must answer by SSH."`
	PollInterval    Duration `json:"poll_interval" default:"15" max:"120" desc:"Seconds between two looks at a task."`
	Stall           Duration `json:"stall" default:"600" max:"3600" desc:"Seconds without progress after which a task counts as stalled: the host is power-cycled once, then the task is tried a second time."`
	MaxParallel     int      `json:"max_parallel" max:"1000" desc:"FOG tasks of the pack at once. Leave empty for as many as FOG's storage nodes have slots."`
	Queue           Duration `json:"queue" default:"7200" max:"28800" desc:"Seconds a host may wait for its turn when all slots are taken."`
	Stagger         Duration `json:"stagger" default:"5" max:"60" desc:"Seconds between switching on two hosts, to spare the mains and the DHCP server."`
	BootMode        string   `json:"boot_mode" default:"auto" enum:"auto,legacy,efi" desc:"How hosts boot from the network; auto keeps what the BMC shows. Over IPMI a BMC shows only what it was told last, and legacy if nothing: set efi for hosts that boot the UEFI way."`
}

// BMC configures baseboard management controllers.
type BMC struct {
	Timeout      Duration `json:"timeout" default:"10" max:"30" desc:"Seconds one exchange with a BMC may take."`
	Retry        Duration `json:"retry" default:"60" max:"300" desc:"Seconds for which a login is repeated when the BMC does not answer or has no session to give, and then, for all commands of a session together, what it was too busy for; 0 never repeats."`
	MinInterval  Duration `json:"min_interval" default:"0.1" max:"2" desc:"Seconds from one command to a BMC to the next at least, in whatever session; 0 for no such rest."`
	LockDir      string   `json:"lock_dir" desc:"Directory whose locks keep two actions off one BMC. Needed when several machines run actions: one that they all mount (docs/hardware.md tells how). Leave empty for each machine's own."`
	PowerTimeout Duration `json:"power_timeout" default:"120" max:"600" desc:"Seconds within which a host must reach the power state asked for."`
	PollInterval Duration `json:"poll_interval" default:"3" max:"60" desc:"Seconds between two looks at the power state."`
	SoftGrace    Duration `json:"soft_grace" default:"120" max:"600" desc:"Seconds an operating system gets to shut down before its power is taken away."`
	VerifyTLS    bool     `json:"verify_tls" default:"true" desc:"Talk to a BMC over Redfish only if its certificate is trusted and names its address. false gives the lab's login to whoever answers there."`
	CA           string   `json:"ca" desc:"PEM file with the CA that signs the BMCs' certificates, beside the system's; tls.ca_file unless given. Every StackStorm worker must be able to read it."`
	Health       string   `json:"health" default:"refuse" enum:"refuse,warn,ignore" desc:"What is done with a host whose BMC reports a critical state before it is imaged: it is refused, it is imaged and its user is told, or nothing is asked."`
	TenantUser   string   `json:"tenant_user" default:"OPNFV" desc:"Name of the tenant's BMC account, at most 16 characters."`
	HelpURL      string   `json:"help_url" desc:"Page that tells users how to use a BMC; put into their message."`
}

// Release configures the end of a booking.
type Release struct {
	SSHTimeout   Duration `json:"ssh_timeout" default:"30" max:"120" desc:"Seconds a host gets to obey over SSH before it is taken back without its help."`
	Wipe         string   `json:"wipe" default:"normal" enum:"normal,fast,full,none" desc:"How FOG wipes the first disk between tenants (docs/hardware.md tells what that is worth): fast clears the beginning only, normal overwrites once, full several times. none leaves the tenant's data for the next one."`
	WipeLeast    Duration `json:"wipe_least" default:"60" max:"3600" desc:"Seconds that overwriting a disk takes at least: a normal or full wipe that FOG calls complete sooner is not believed."`
	WipeDeadline Duration `json:"wipe_deadline" default:"28800" max:"43200" desc:"Seconds a wipe may take, after check-in."`
}

// ST2 configures how the pack uses StackStorm.
type ST2 struct {
	Timeout        Duration `json:"timeout" default:"15" max:"60" desc:"Seconds one call to StackStorm's API may take."`
	Retry          Duration `json:"retry" default:"60" max:"120" desc:"Seconds for which a call is repeated after time-outs and HTTP 5xx; 0 never repeats."`
	CancelInterval Duration `json:"cancel_interval" default:"15" max:"60" desc:"Seconds between two looks at whether the execution was cancelled."`
	OrphanGrace    Duration `json:"orphan_grace" default:"300" max:"3600" desc:"Seconds after which a dispatched job that no execution has claimed is started by laas.reconcile."`
}

// TLS configures which certificates are trusted.
type TLS struct {
	CAFile string `json:"ca_file" desc:"PEM file with the CA that signs the lab's servers, beside the system's. Every StackStorm worker must be able to read it."`
}

// Duration is a number of seconds in the configuration.
type Duration time.Duration

// D gives the duration as the standard library's type.
func (d Duration) D() time.Duration { return time.Duration(d) }

// UnmarshalJSON reads a number of seconds.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s float64
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	*d = Duration(s * float64(time.Second))
	return nil
}

// MarshalJSON writes a number of seconds.
func (d Duration) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Duration(d).Seconds())
}
