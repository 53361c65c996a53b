package engine

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"stackstorm-laas/internal/fault"
	"stackstorm-laas/internal/secret"
)

// Store is the datastore's system scope. Secrets are kept encrypted; the key lives as long as the process.
type Store struct {
	aead cipher.AEAD

	mu   sync.RWMutex
	keys map[string]entry
}

// entry is one key; the value of a secret is hexadecimal ciphertext.
type entry struct {
	ID, Name, Value string
	Secret          bool
	Expires         time.Time
}

func newStore() (*Store, error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &Store{aead: aead, keys: map[string]entry{}}, err
}

// Set stores a plain value.
func (s *Store) Set(name, value string) { s.put(name, value, false, 0) }

// SetSecret stores a value encrypted.
func (s *Store) SetSecret(name string, value secret.String) { s.put(name, value.Reveal(), true, 0) }

// Get gives a value as it is stored: a secret's is ciphertext.
func (s *Store) Get(name string) (string, bool) {
	e, ok := s.entry(name)
	return e.Value, ok
}

// GetSecret gives a value in clear, whichever way it is stored.
func (s *Store) GetSecret(name string) (secret.String, bool) {
	e, ok := s.entry(name)
	if !ok {
		return secret.String{}, false
	}
	clear, err := s.clear(e)
	return secret.New(clear), err == nil
}

// List gives the plain values whose names begin with prefix.
func (s *Store) List(prefix string) map[string]string {
	out := map[string]string{}
	for _, e := range s.entries(prefix) {
		if !e.Secret {
			out[e.Name] = e.Value
		}
	}
	return out
}

// Delete removes a key and says whether it was there.
func (s *Store) Delete(name string) bool {
	_, ok := s.entry(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.keys, name)
	return ok
}

// Load reads a file for `st2 key load`: a JSON list of name, value (a string) and optionally secret. Nothing is stored if one
// entry cannot be used.
func (s *Store) Load(text []byte) error {
	var list []struct {
		Name   string `json:"name"`
		Value  any    `json:"value"`
		Secret bool   `json:"secret"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return fault.New(fault.Input, "the datastore file is not a JSON list of keys: %w", err)
	}
	var problems []fault.Problem
	for i, k := range list {
		if _, ok := k.Value.(string); !ok || k.Name == "" {
			problems = append(problems, fault.Problem{Path: fmt.Sprintf("[%d] %s", i, k.Name), Text: "needs a name and a value that is a JSON string"})
		}
	}
	if err := fault.FromProblems(fault.Input, "the datastore file", problems); err != nil {
		return err
	}
	for _, k := range list {
		s.put(k.Name, k.Value.(string), k.Secret, 0)
	}
	return nil
}

// put stores a value given in clear; a ttl of 0 keeps it for ever.
func (s *Store) put(name, value string, secret bool, ttl time.Duration) entry {
	if secret {
		value = s.encrypt(value)
	}
	e := entry{ID: newID(), Name: name, Value: value, Secret: secret}
	if ttl > 0 {
		e.Expires = time.Now().Add(ttl)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.keys[name]; ok {
		e.ID = old.ID
	}
	s.keys[name] = e
	return e
}

func (s *Store) entry(name string) (entry, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e, ok := s.keys[name]
	return e, ok && !e.expired()
}

// entries gives the keys whose names begin with prefix, by name.
func (s *Store) entries(prefix string) []entry {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := []entry{}
	for _, e := range s.keys {
		if strings.HasPrefix(e.Name, prefix) && !e.expired() {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b entry) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (e entry) expired() bool { return !e.Expires.IsZero() && time.Now().After(e.Expires) }

func (s *Store) clear(e entry) (string, error) {
	if !e.Secret {
		return e.Value, nil
	}
	return s.decrypt(e.Value)
}

func (s *Store) encrypt(clear string) string {
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return strings.ToUpper(hex.EncodeToString(s.aead.Seal(nonce, nonce, []byte(clear), nil)))
}

func (s *Store) decrypt(text string) (string, error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) < s.aead.NonceSize() {
		return "", fmt.Errorf("the value is not encrypted")
	}
	n := s.aead.NonceSize()
	clear, err := s.aead.Open(nil, b[:n], b[n:], nil)
	if err != nil {
		return "", fmt.Errorf("the value was encrypted with another key")
	}
	return string(clear), nil
}

// lookup reads a key for templates: ciphertext stays ciphertext unless decrypt is asked for.
func (s *Store) lookup(name string, decrypt bool) (string, bool, error) {
	e, ok := s.entry(name)
	if !ok || !decrypt {
		return e.Value, ok, nil
	}
	clear, err := s.decrypt(e.Value)
	return clear, true, err
}
